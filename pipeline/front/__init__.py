"""Several processes as one: a front that owns inputs and acknowledgements, and workers that do the work.

    senders --> front: inputs --batch, as it came--> worker: decode, filters, outputs
       ^          |                                    |
       +-- end ---+ <-------------- ended -------------+

The front runs the first half of each input, and deals batches, undecoded, to workers; a worker is a whole pipeline
whose inputs are what it is dealt. The front keeps a batch until its end: what a worker had when it died is dealt again.

It may import everything below it, and never the command line. Nothing here looks into an event.
"""
