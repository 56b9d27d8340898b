"""The scoreboard's screen: who takes part, the table, the curves, and what else is known of a comparison."""
