"""What the geoip filter knows: addresses as Java prints them, field layouts, databases and where they are found."""
