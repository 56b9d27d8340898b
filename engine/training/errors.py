"""What can go wrong between a run and the disk.

Promises that every message is fit to be shown to a person as it stands: it names the file or folder, what is the
matter with it, and the way out.
"""


class RunError(Exception):
    """A run cannot be saved, found or gone on with."""


class CheckpointError(RunError, ValueError):
    """What is saved cannot be gone on from: missing, damaged, foreign, too new, or of another model or text."""


class SaveError(RunError):
    """Something could not be written; what was saved before still stands."""


class BusyError(RunError):
    """Another process writes to the folder."""
