// Elastic's go-lumber, which Filebeat sends with, as a program.
//
//	lumber serve [CERTIFICATE KEY]   prints its port; then events, a line of JSON each, and acknowledges their windows
//	lumber send ADDRESS              sends the lines of JSON on stdin as one window; ends when it is acknowledged
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	client "github.com/elastic/go-lumber/client/v2"
	server "github.com/elastic/go-lumber/server/v2"
)

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2:])
	} else {
		send(os.Args[2])
	}
}

func serve(files []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	port := listener.Addr().(*net.TCPAddr).Port
	if len(files) == 2 {
		certificate, err := tls.LoadX509KeyPair(files[0], files[1])
		check(err)
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	receiving, err := server.NewWithListener(listener)
	check(err)
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, port)
	check(out.Flush())
	for batch := range receiving.ReceiveChan() {
		for _, event := range batch.Events {
			line, err := json.Marshal(event)
			check(err)
			out.Write(append(line, '\n'))
		}
		check(out.Flush())
		batch.ACK()
	}
}

func send(address string) {
	sending, err := client.SyncDial(address, client.CompressionLevel(3), client.Timeout(30*time.Second))
	check(err)
	var events []interface{}
	lines := json.NewDecoder(os.Stdin)
	for lines.More() {
		var event interface{}
		check(lines.Decode(&event))
		events = append(events, event)
	}
	count, err := sending.Send(events)
	check(err)
	fmt.Println(count)
	check(sending.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
