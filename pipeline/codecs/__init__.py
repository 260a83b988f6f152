"""The codec plugins, one file each, found by file name. They never import each other."""
