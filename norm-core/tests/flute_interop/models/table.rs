//! A table, read as text: elements without a prefix, attributes between double quotes.

/// Attributes of an element.
pub type Attributes = Vec<(String, String)>;

/// The attributes of all elements of this name; `None` when the text has none of them.
pub fn elements(text: &str, name: &str) -> Vec<Attributes> {
    let starts = text.split('<').filter_map(|part| part.strip_prefix(name));
    let named = starts.filter(|rest| rest.starts_with([' ', '>', '/']));
    named.map(|rest| attributes(rest.split('>').next().unwrap_or_default())).collect()
}

fn attributes(mut text: &str) -> Attributes {
    let mut found = Attributes::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let Some((value, rest)) = rest.split_once('"') else { break };
        found.push((name.trim().to_owned(), value.to_owned()));
        text = rest;
    }
    found
}

/// The value of an attribute.
pub fn get<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(one, _)| one == name).map(|(_, value)| &value[..])
}

/// An attribute that is a number.
pub fn get_number(attributes: &Attributes, name: &str) -> Option<usize> {
    get(attributes, name)?.parse().ok()
}
