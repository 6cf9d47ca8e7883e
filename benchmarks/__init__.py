"""What the gate costs, as ratios against a floor that is measured in the same minutes."""
