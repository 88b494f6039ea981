"""Which generative network, trained how, makes the best images on a given data set?"""
