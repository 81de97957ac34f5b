//! No tuple assignments to fields, and no tuple patterns as parameters.
//!
//! `(self.gain, self.rate) = (1.0, rate)` hides two writes from a search for `self.gain =`. A tuple
//! pattern as a parameter is two parameters that count as one: pass both, or name a struct.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, FnArg, Pat};

use crate::sources::{LIBRARIES, assert_none, library};

#[test]
fn fields_are_not_assigned_as_tuples() {
    assert_none("tuple assignments to fields", &search().assignments);
}

#[test]
fn parameters_are_not_tuple_patterns() {
    assert_none("tuple patterns as parameters", &search().parameters);
}

fn search() -> Search {
    let mut search = Search::default();
    for file in LIBRARIES.iter().flat_map(|name| library(name)) {
        search.path.clone_from(&file.path);
        search.visit_file(&file.syntax());
    }
    search
}

#[derive(Default)]
struct Search {
    path: String,
    assignments: Vec<String>,
    parameters: Vec<String>,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_expr_assign(&mut self, assign: &'ast syn::ExprAssign) {
        if let Expr::Tuple(tuple) = &*assign.left
            && tuple.elems.iter().any(|element| matches!(element, Expr::Field(_)))
        {
            self.assignments.push(format!("{}:{}", self.path, assign.span().start().line));
        }
        visit::visit_expr_assign(self, assign);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        for input in &signature.inputs {
            if let FnArg::Typed(input) = input
                && matches!(*input.pat, Pat::Tuple(_))
            {
                let line = input.span().start().line;
                self.parameters.push(format!("{}:{line}: fn {}", self.path, signature.ident));
            }
        }
    }
}
