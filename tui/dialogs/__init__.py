"""The dialogs that open over the panes: each answers one question and goes away."""
