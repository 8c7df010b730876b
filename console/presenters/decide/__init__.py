"""Words of what people are asked: the queue, and the card of one question with what each answer leads to."""
