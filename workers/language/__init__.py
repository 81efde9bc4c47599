"""Engines that write Priya's answers, and the cutting of their text into pieces that can be spoken."""
