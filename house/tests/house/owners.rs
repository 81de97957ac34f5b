//! A field that is visible beyond its file is assigned in that file only.
//!
//! The file that defines state owns it: others call methods, which say what the change is for. This
//! is about fields with `pub(super)`, `pub(crate)` or `pub(in …)`; plain data, such as events and
//! options, has `pub` fields.
//!
//! Types are only guessed at: `self`, parameters and `let` with a type are known, and so are fields
//! of what is known. Of anything else the name of the field decides, if all structs of the crate
//! with such a field agree and none of them stands in the same file.

use std::collections::BTreeMap;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Fields, FnArg, Item, Member, Pat, Type, Visibility};

use crate::modules::{Crate, Meaning, ModulePath};
use crate::sources::{LIBRARIES, assert_none};

#[test]
fn fields_are_assigned_by_their_owner() {
    let mut found = Vec::new();
    for name in LIBRARIES {
        let library = Crate::read(name);
        let structs = structs(&library);
        for (at, module) in &library.modules {
            let mut search = Search::new(&library, &structs, at);
            search.visit_file(&module.syntax);
            found.append(&mut search.found);
        }
    }
    assert_none("assignments to fields of another file", &found);
}

struct Field {
    /// `pub(super)`, `pub(crate)` or `pub(in …)`.
    is_shared: bool,
    of_type: Option<Meaning>,
}

type Structs = BTreeMap<Meaning, BTreeMap<String, Field>>;

fn structs(library: &Crate) -> Structs {
    let mut structs = Structs::new();
    for (at, module) in &library.modules {
        for item in &module.syntax.items {
            if let Item::Struct(item) = item
                && let Fields::Named(fields) = &item.fields
            {
                let fields = fields.named.iter().filter_map(|field| {
                    let is_shared = matches!(field.vis, Visibility::Restricted(_));
                    let of_type = type_of(library, at, &field.ty);
                    Some((field.ident.as_ref()?.to_string(), Field { is_shared, of_type }))
                });
                structs.insert(Meaning::Item(at.clone(), item.ident.to_string()), fields.collect());
            }
        }
    }
    structs
}

/// The struct or enum of this crate that a type is, perhaps by reference.
fn type_of(library: &Crate, at: &ModulePath, of: &Type) -> Option<Meaning> {
    match of {
        Type::Reference(of) => type_of(library, at, &of.elem),
        Type::Path(of) => {
            let segments: Vec<String> =
                of.path.segments.iter().map(|part| part.ident.to_string()).collect();
            library.meaning(at, &segments)
        }
        _ => None,
    }
}

struct Search<'a> {
    library: &'a Crate,
    structs: &'a Structs,
    at: &'a ModulePath,
    /// What `Self` is.
    owner: Option<Meaning>,
    /// Types of `self`, parameters and variables, as far as known.
    variables: BTreeMap<String, Option<Meaning>>,
    found: Vec<String>,
}

impl<'a> Search<'a> {
    fn new(library: &'a Crate, structs: &'a Structs, at: &'a ModulePath) -> Search<'a> {
        let variables = BTreeMap::new();
        Search { library, structs, at, owner: None, variables, found: Vec::new() }
    }

    fn enter(&mut self, signature: &syn::Signature) {
        self.variables.clear();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(_) => {
                    self.variables.insert("self".to_owned(), self.owner.clone());
                }
                FnArg::Typed(input) => self.declare(&input.pat, Some(&input.ty)),
            }
        }
    }

    fn declare(&mut self, pattern: &Pat, of: Option<&Type>) {
        if let Pat::Ident(name) = pattern {
            let of = of.and_then(|of| type_of(self.library, self.at, of));
            self.variables.insert(name.ident.to_string(), of);
        }
    }

    /// The type of an expression, if it is known.
    fn known(&self, expression: &Expr) -> Option<Meaning> {
        match expression {
            Expr::Path(path) => {
                self.variables.get(&path.path.get_ident()?.to_string()).cloned().flatten()
            }
            Expr::Field(field) => {
                let Member::Named(name) = &field.member else { return None };
                let fields = self.structs.get(&self.known(&field.base)?)?;
                fields.get(&name.to_string())?.of_type.clone()
            }
            Expr::Reference(inner) => self.known(&inner.expr),
            Expr::Paren(inner) => self.known(&inner.expr),
            _ => None,
        }
    }

    /// Notes an assignment to `target`, if that is a shared field of another file.
    fn check(&mut self, target: &Expr) {
        match target {
            Expr::Index(index) => self.check(&index.expr),
            Expr::Tuple(tuple) => tuple.elems.iter().for_each(|element| self.check(element)),
            Expr::Field(field) => {
                let Member::Named(name) = &field.member else { return };
                if let Some(owner) = self.foreign_owner(&field.base, &name.to_string()) {
                    let file = &self.library.modules[self.at].file;
                    let line = target.span().start().line;
                    self.found.push(format!("{file}:{line}: {name} of {owner}"));
                }
            }
            _ => {}
        }
    }

    /// The struct in another file whose shared field `name` is assigned here.
    fn foreign_owner(&self, base: &Expr, name: &str) -> Option<String> {
        if let Some(owner) = self.known(base) {
            let field = self.structs.get(&owner)?.get(name)?;
            return (field.is_shared && !self.is_here(&owner)).then(|| self.describe(&owner));
        }
        let with_field = || self.structs.iter().filter(|(_, fields)| fields.contains_key(name));
        let is_foreign =
            with_field().all(|(owner, fields)| fields[name].is_shared && !self.is_here(owner));
        with_field().next().filter(|_| is_foreign).map(|(owner, _)| self.describe(owner))
    }

    fn is_here(&self, owner: &Meaning) -> bool {
        matches!(owner, Meaning::Item(module, _) if module == self.at)
    }

    fn describe(&self, owner: &Meaning) -> String {
        let name = if let Meaning::Item(_, name) = owner { name } else { "a module" };
        format!("{name} ({})", self.library.file(owner))
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.owner = type_of(self.library, self.at, &item.self_ty);
        visit::visit_item_impl(self, item);
        self.owner = None;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.enter(&item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.enter(&item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        match &local.pat {
            Pat::Type(typed) => self.declare(&typed.pat, Some(&typed.ty)),
            Pat::Ident(name) => {
                let of = local.init.as_ref().and_then(|init| self.known(&init.expr));
                self.variables.insert(name.ident.to_string(), of);
            }
            _ => {}
        }
    }

    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        self.check(&assign.left);
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if is_assignment(&binary.op) {
            self.check(&binary.left);
        }
        visit::visit_expr_binary(self, binary);
    }
}

/// `+=` and the like.
fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}
