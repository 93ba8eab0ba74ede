"""Why: the reasons behind one weight, in parts that add up."""
