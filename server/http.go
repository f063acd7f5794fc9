package server

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/cloudhub/cloudhub/internal/platform/telemetry"
	"github.com/cloudhub/cloudhub/server/rpc"
)

// around is what every request passes, whatever it asks for: who calls from
// where, the headers that browsers heed, and no request from other sites.
func (s *Server) around(next http.Handler) http.Handler {
	// A browser tells with Sec-Fetch-Site and Origin where a request comes from;
	// what is not a browser carries no cookie.
	sameSite := http.NewCrossOriginProtection()
	inner := sameSite.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := "req_" + strings.ReplaceAll(newID(), "-", "")
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if s.deps.Secure {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		caller := rpc.NewCaller(s.clientAddress(r), id, r)
		line := newLine(w, r, s.deps.ReadWithin, s.deps.WriteWithin)
		ctx := rpc.WithCaller(telemetry.WithTags(r.Context(), telemetry.RequestID, id), caller)
		if strings.HasPrefix(r.URL.Path, "/"+rpc.Package+".") {
			h.Set("Cache-Control", "no-store")
			rpc.Guard(r, caller, line.arrived)
			// Always a trace of our own: a traceparent from outside is anybody's
			// word. The stack names the span once it knows the procedure.
			var span trace.Span
			ctx, span = telemetry.StartSpan(ctx, s.tracer, "rpc", trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot())
			defer span.End()
		}
		if r.ProtoMajor != 1 {
			ctx = rpc.WithoutConn(ctx)
		}
		inner.ServeHTTP(line, r.WithContext(ctx))
	})
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

// clientAddress is the caller's: the connection's, or, from a trusted proxy,
// the last address in X-Forwarded-For that is not itself a trusted proxy.
func (s *Server) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap().WithZone("")
	if !s.trusted(address) {
		return address.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		address = hop
		if !s.trusted(address) {
			break
		}
	}
	return address.String()
}

// parseHop reads an address, which some proxies write with a port. A zone says
// something on the machine that wrote it alone.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(s)
	return a.Addr().Unmap().WithZone(""), err == nil
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.deps.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func nonce() (string, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return base64.RawStdEncoding.EncodeToString(b), nil
}
