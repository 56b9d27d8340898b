"""`charlm`: everything that the screen does with models, without a screen."""
