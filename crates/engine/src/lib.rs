//! What the product does: the use cases, free of HTTP and of SQL.
