"""The panes: one file a pane, its style sheet beside it."""
