"""The screen of charlm: panes that draw snapshots, keys that send commands. Knows engine and corpora."""
