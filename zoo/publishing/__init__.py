"""The steps of `zoo.publish`: read the run, make its files, measure them."""
