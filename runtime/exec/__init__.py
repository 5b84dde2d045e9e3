"""Programs beside a container, never in it: on pipes or on a terminal; what they start ends with them."""
