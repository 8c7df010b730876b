"""The product's scenarios, each in a real browser in front of a whole installation that all of them share."""
