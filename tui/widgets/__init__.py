"""What two panes share: the plot, the bars, the slider, the strip of activations.

These widgets know numbers and labels, not models: they import neither `engine` nor `corpora`.
"""
