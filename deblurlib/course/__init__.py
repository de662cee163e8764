"""What only lessons need: the set-up check, running and tidying notebooks, plots, widgets, checks."""
