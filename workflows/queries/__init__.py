"""What pages, API and commands read: frozen values, never models. One module per concept."""
