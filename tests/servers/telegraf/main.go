// Reads one Logstash monitoring API as Telegraf does, and prints what it gathered, one JSON object a line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/inputs"
	"github.com/influxdata/telegraf/plugins/inputs/logstash"
)

type accumulator struct {
	telegraf.Accumulator
	failed bool
}

func (a *accumulator) AddFields(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	_ = json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"name": measurement, "fields": fields, "tags": tags})
}

func (a *accumulator) AddError(err error) {
	if err != nil {
		a.failed = true
		fmt.Fprintln(os.Stderr, err)
	}
}

func main() {
	plugin := inputs.Inputs["logstash"]().(*logstash.Logstash)
	plugin.URL = os.Args[1]
	if len(os.Args) > 3 {
		plugin.Username, plugin.Password = os.Args[2], os.Args[3]
	}
	gathered := &accumulator{}
	for _, err := range []error{plugin.Init(), plugin.Start(gathered), plugin.Gather(gathered)} {
		gathered.AddError(err)
	}
	plugin.Stop()
	if gathered.failed {
		os.Exit(1)
	}
}
