"""Plain answers whose picture is passed on to the client while it is still being read.

An answer of one call that is neither converted nor stored is spliced: from the provider's answer
the characters between two quotes go into ours, piece by piece, so that no picture is ever in memory
as a whole. What is left, JSON with a short text in the picture's place, is read by the dialect as
any other answer. In doubt at the picture's beginning, the answer is read whole instead. What turns
out to be wrong later breaks the connection off: an answer that has begun is right, or has no end.
"""
