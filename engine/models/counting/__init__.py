"""Language models that count: each is fitted to a text at once, and none knows a gradient."""
