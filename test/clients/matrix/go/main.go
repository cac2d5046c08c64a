// Command matrix drives franz-go for the client matrix: one JSON request per line on standard input, one
// JSON answer per line on standard output (../protocol.ts). This file knows lines and handles; producer.go,
// consumer.go and admin.go know the client. Each handle has a goroutine, so its requests run in order.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// callWithin bounds what the client would otherwise wait on without end.
const callWithin = 30 * time.Second

// maxLine holds a record of some megabytes in base64 and more.
const maxLine = 64 << 20

const module = "github.com/twmb/franz-go"

var features = strings.Fields(`
	idempotent transactions groups static cooperative group-consumer regex pause seek-time headers
	timestamps admin read-committed codec:none codec:gzip codec:snappy codec:lz4 codec:zstd crash
	manual-partition keyed kgo sasl:PLAIN sasl:SCRAM-SHA-256 sasl:SCRAM-SHA-512
	sasl:OAUTHBEARER
`)

// failure is an answer that is an error; code is Kafka's name or CLIENT.
type failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	Retriable bool   `json:"retriable"`
	Fatal     bool   `json:"fatal"`
	Abortable bool   `json:"abortable"`
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

func unsupported(format string, args ...any) error {
	return &failure{Code: "UNSUPPORTED", Message: fmt.Sprintf(format, args...)}
}

// failureOf names an error: Kafka's own where one is wrapped in it.
func failureOf(err error) *failure {
	if own, ok := errors.AsType[*failure](err); ok {
		return own
	}
	if kafka, ok := errors.AsType[*kerr.Error](err); ok {
		return &failure{
			Code:      kafka.Message,
			Message:   err.Error(),
			Retriable: kafka.Retriable,
			Fatal:     fencing[kafka.Code],
			Abortable: kafka.Code == kerr.TransactionAbortable.Code,
		}
	}
	if strings.Contains(err.Error(), "no prior committed offset") {
		return &failure{Code: "NO_OFFSET", Message: err.Error()}
	}
	return &failure{Code: "CLIENT", Message: err.Error()}
}

var fencing = map[int16]bool{
	kerr.ProducerFenced.Code:           true,
	kerr.InvalidProducerEpoch.Code:     true,
	kerr.InvalidProducerIDMapping.Code: true,
	kerr.FencedInstanceID.Code:         true,
	kerr.UnreleasedInstanceID.Code:     true,
}

type none struct{}

// handle is a producer, a consumer or an admin. do runs one verb, without its noun.
type handle interface {
	do(verb string, body []byte) (any, error)
	close() error
}

// opening is what an open verb carries for any kind of handle; each decodes its own config.
type opening struct {
	Handle    string          `json:"handle"`
	Bootstrap string          `json:"bootstrap"`
	Group     string          `json:"group"`
	Config    json.RawMessage `json:"config"`
	Sasl      *login          `json:"sasl"`
}

// login is who a client is to say that it is.
type login struct {
	Mechanism string `json:"mechanism"`
	Username  string `json:"username"`
	Password  string `json:"password"`
	Token     string `json:"token"`
}

type request struct {
	id   json.Number
	verb string
	body []byte
}

type adapter struct {
	mu      sync.Mutex
	out     *bufio.Writer
	handles map[string]*worker
}

type worker struct {
	requests chan request
	done     chan none
	mu       sync.Mutex
	handle   handle
}

func main() {
	a := &adapter{out: bufio.NewWriter(os.Stdout), handles: map[string]*worker{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	for lines.Scan() {
		a.dispatch(append([]byte(nil), lines.Bytes()...))
	}
	a.closeAll()
}

func (a *adapter) dispatch(line []byte) {
	var head struct {
		ID     json.Number `json:"id"`
		Verb   string      `json:"verb"`
		Handle string      `json:"handle"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		fmt.Fprintln(os.Stderr, "not a request:", err)
		return
	}
	noun, verb, _ := strings.Cut(head.Verb, ".")
	r := request{head.ID, verb, line}
	if noun == "hello" {
		a.answer(r.id, map[string]any{"client": "franz-go", "version": version(), "features": features}, nil)
		return
	}
	w := a.worker(noun, verb, head.Handle)
	if w == nil {
		a.answer(r.id, nil, &failure{Code: "CLOSED", Message: "there is no handle " + head.Handle})
		return
	}
	w.requests <- r
}

// worker finds the handle of a request, made by its first one and forgotten with its last.
func (a *adapter) worker(noun, verb, name string) *worker {
	a.mu.Lock()
	defer a.mu.Unlock()
	if verb == "open" {
		a.handles[name] = a.work(noun)
	}
	w := a.handles[name]
	if verb == "close" {
		delete(a.handles, name)
	}
	return w
}

func (a *adapter) work(noun string) *worker {
	w := &worker{requests: make(chan request, 1024), done: make(chan none)}
	find := a.finder()
	go func() {
		defer close(w.done)
		for r := range w.requests {
			ok, err := w.run(noun, r, find)
			a.answer(r.id, ok, err)
			if r.verb == "close" {
				return
			}
		}
	}()
	return w
}

func (w *worker) run(noun string, r request, find func(string) handle) (any, error) {
	if r.verb == "open" {
		var o opening
		if err := json.Unmarshal(r.body, &o); err != nil {
			return nil, err
		}
		opened, err := open(noun, o, find)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		w.handle = opened
		w.mu.Unlock()
		return none{}, nil
	}
	if w.handle == nil {
		return nil, &failure{Code: "CLOSED", Message: "the handle is not open"}
	}
	if r.verb == "close" {
		return none{}, w.handle.close()
	}
	return w.handle.do(r.verb, r.body)
}

func open(noun string, o opening, find func(string) handle) (handle, error) {
	switch noun {
	case "producer":
		return openProducer(o, find)
	case "consumer":
		return openConsumer(o)
	case "admin":
		return openAdmin(o)
	}
	return nil, unsupported("%s", noun)
}

// finder looks a handle up for another one: the handles of this moment, for requests come in order.
func (a *adapter) finder() func(string) handle {
	return func(name string) handle {
		a.mu.Lock()
		w := a.handles[name]
		a.mu.Unlock()
		if w == nil {
			return nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.handle
	}
}

func (a *adapter) answer(id json.Number, ok any, err error) {
	body := map[string]any{"id": id, "ok": ok}
	if err != nil {
		body = map[string]any{"id": id, "error": failureOf(err)}
	}
	line, _ := json.Marshal(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out.Write(append(line, '\n'))
	a.out.Flush()
}

func (a *adapter) closeAll() {
	all := time.After(10 * time.Second)
	for _, w := range a.handles {
		w.requests <- request{id: "0", verb: "close"}
	}
	for _, w := range a.handles {
		select {
		case <-w.done:
		case <-all:
			return
		}
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, each := range info.Deps {
			if each.Path == module {
				return strings.TrimPrefix(each.Version, "v")
			}
		}
	}
	return "unknown"
}
