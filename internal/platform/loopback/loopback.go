// Package loopback finds ports on 127.0.0.1 for servers that CloudHub starts
// beside itself. It must not listen on them: whoever uses a port owns it.
package loopback

import (
	"fmt"
	"net"
	"strconv"
)

// Address is where such servers listen, and nowhere else.
const Address = "127.0.0.1"

// A PortError says that a port that was asked for is taken.
type PortError struct{ Port int }

func (e *PortError) Error() string {
	return fmt.Sprintf("port %d on %s is in use: free it, or choose another", e.Port, Address)
}

// HostPort joins the address and a port.
func HostPort(port int) string { return net.JoinHostPort(Address, strconv.Itoa(port)) }

// Free says whether nothing listens on the port.
func Free(port int) bool {
	listener, err := net.Listen("tcp", HostPort(port))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// Ports returns n different free ports. They are free now: whoever uses them
// must cope with losing a race.
func Ports(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", HostPort(0))
		if err != nil {
			return nil, err
		}
		defer listener.Close() // all at the end, so that none is given twice
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
