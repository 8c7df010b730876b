"""What pages say: values of the queries turned into words, tones and addresses, ready for templates."""
