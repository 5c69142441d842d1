//! How large a query may be before anybody thinks about it.
//!
//! What plans a query walks down its parts, and each part in another takes some of the stack.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Visit, Visitor};

use super::SqlError;

/// Expressions in one another, at most: each operator of a chain is one.
const EXPRESSIONS_DEEP: usize = 500;
/// Queries, tables and parts of unions, at most: they may all stand in one another.
const PARTS_MAX: usize = 200;

/// Refuses a statement that is too large to be planned.
pub fn check(statement: &Statement) -> Result<(), SqlError> {
    let statement = match statement {
        Statement::Statement(statement) => statement,
        Statement::Explain(explain) => return check(&explain.statement),
        // Not allowed whatever their size.
        _ => return Ok(()),
    };
    match statement.visit(&mut Size::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(SqlError::TooDeep),
    }
}

#[derive(Default)]
struct Size {
    deep: usize,
    parts: usize,
}

impl Size {
    fn add_parts(&mut self, parts: usize) -> ControlFlow<()> {
        self.parts += parts;
        if self.parts > PARTS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Size {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.add_parts(1 + set_operations(&query.body))
    }

    fn pre_visit_relation(&mut self, _relation: &ObjectName) -> ControlFlow<()> {
        self.add_parts(1)
    }

    fn pre_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.deep += 1;
        if self.deep > EXPRESSIONS_DEEP {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<()> {
        self.deep -= 1;
        ControlFlow::Continue(())
    }
}

/// The unions of a chain, which the parser lets lean to the left.
fn set_operations(mut body: &SetExpr) -> usize {
    let mut operations = 0;
    while let SetExpr::SetOperation { left, .. } = body {
        operations += 1;
        body = left;
    }
    operations
}
