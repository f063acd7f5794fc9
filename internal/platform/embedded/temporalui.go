package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"

	"github.com/cloudhub/cloudhub/internal/platform/loopback"
)

// webUI is Temporal's UI on a loopback port of its own. It has no sign-in and
// shows every tenant.
type webUI struct {
	server *uiserver.Server
	url    string
}

// startUI returns when the UI accepts connections. The UI ends the process when
// it cannot listen, so the port is tried first.
func startUI(ctx context.Context, port int, frontend, namespace string) (*webUI, error) {
	if port == 0 {
		ports, err := loopback.Ports(1)
		if err != nil {
			return nil, err
		}
		port = ports[0]
	} else if !loopback.Free(port) {
		return nil, &loopback.PortError{Port: port}
	}
	address := loopback.HostPort(port)
	cfg := &uiconfig.Config{
		TemporalGRPCAddress: frontend,
		Host:                loopback.Address,
		Port:                port,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
	}
	if err := cfg.Validate(); err != nil {
		return nil, err // NewServer panics instead
	}
	ui := &webUI{server: uiserver.NewServer(uioptions.WithConfigProvider(cfg)), url: "http://" + address}
	go func() { _ = ui.server.Start() }() // always nil: see above
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return ui, conn.Close()
		}
		select {
		case <-ctx.Done():
			ui.stop()
			return nil, fmt.Errorf("the UI of Temporal does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (ui *webUI) stop() { ui.server.Stop() }
