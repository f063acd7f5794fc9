// Package measure reads what a benchmark compares: CPU time and memory of
// processes from /proc, and quantiles.
package measure

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Family is a process, with its children when asked.
func Family(pid int, children bool) []int {
	out := []int{pid}
	if !children {
		return out
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return out
	}
	for _, f := range strings.Fields(string(raw)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// CPUSeconds is user and system time, from /proc/<pid>/stat in ticks of 10 ms,
// with that of children that have ended: a server of many processes loses none.
func CPUSeconds(pids []int) float64 {
	var ticks int
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) < 15 {
			continue
		}
		for _, f := range fields[11:15] {
			n, _ := strconv.Atoi(f)
			ticks += n
		}
	}
	return float64(ticks) / 100
}

// PSSMB is resident memory in MB, shared pages in equal parts.
func PSSMB(pids []int) int {
	var kb int
	for _, pid := range pids {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(raw), "\n") {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.Atoi(strings.Fields(rest)[0])
				kb += n
			}
		}
	}
	return kb / 1024
}

// PeakMB is the most memory that a process has had resident, in MB.
func PeakMB(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(rest)[0])
			return kb / 1024
		}
	}
	return 0
}

// DescribeMachine prints what the figures were measured on.
func DescribeMachine() {
	model := "unknown processor"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(raw), "\n") {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	load := "?"
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Fields(string(raw))[0]
	}
	fmt.Printf("machine: %d × %s, %s/%s, %s, load %s at the start\n", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), load)
}

// Quantile of sorted durations; q from 0 to 1.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Report prints p50, p95, p99 and the most.
func Report(name string, d []time.Duration) {
	slices.Sort(d)
	fmt.Printf("%s p50 %d ms, p95 %d ms, p99 %d ms, max %d ms (n = %d)\n", name, Quantile(d, .5).Milliseconds(), Quantile(d, .95).Milliseconds(),
		Quantile(d, .99).Milliseconds(), d[len(d)-1].Milliseconds(), len(d))
}
