package rpc

import (
	"fmt"
	"sync"

	"github.com/cloudhub/cloudhub/internal/platform/rpcerr"
)

// How many streams may be open at once in this process: one for each tab that
// somebody looks at. An office shares an address.
const (
	streamsPerPerson  = 20
	streamsPerAddress = streamsPerPerson * peoplePerAddress
)

// streams counts what is open.
type streams struct {
	mu   sync.Mutex
	open map[string]int
}

func newStreams() *streams { return &streams{open: map[string]int{}} }

// enter counts a caller's stream in until leave is called. Errors:
// TOO_MANY_STREAMS.
func (s *streams) enter(c *Caller) (leave func(), err error) {
	person, address := "user:"+c.UserID.String(), addressKey(c.Address)
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, most := range map[string]int{person: streamsPerPerson, address: streamsPerAddress} {
		if s.open[key] >= most {
			return nil, rpcerr.New(rpcerr.ReasonTooManyStreams, "limit", fmt.Sprint(most))
		}
	}
	s.open[person]++
	s.open[address]++
	return func() { s.leave(person, address) }, nil
}

func (s *streams) leave(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.open[key]--; s.open[key] == 0 {
			delete(s.open, key)
		}
	}
}
