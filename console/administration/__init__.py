"""Django admin for whoever governs: people, roles and tokens, and a look at the tables that nobody changes by hand."""
