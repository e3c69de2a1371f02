package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashEnv makes the test binary a recorder on the database that it names.
const crashEnv = "COUNTERSIGN_TEST_STORE_CRASH"

// recordForEver records from many callers and prints each delivery that was
// acknowledged, as a server answers 202, until it is killed.
func recordForEver(address string) int {
	s, err := Open(context.Background(), Options{URL: address})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	var said sync.Mutex
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for i := 0; ; i++ {
				guid := fmt.Sprintf("%d-%d-%d", os.Getpid(), caller, i)
				target := Target{Repository: int64(os.Getpid()), Pull: int64(caller*1_000_000 + i)}
				facts := Facts{Heads: []HeadSeen{{Repository: target.Repository, Pull: target.Pull, SHA: guid}}}
				if _, err := s.Record(context.Background(), Delivery{GUID: guid}, facts, Wake{Target: target, Priority: Push}); err != nil {
					fmt.Println("error", err)
					return
				}
				said.Lock()
				fmt.Println("ok", guid, target.Repository, target.Pull)
				said.Unlock()
			}
		})
	}
	callers.Wait()
	return 1
}

// Whatever was acknowledged is there after the process was killed, whole.
func TestKilledWhileRecording(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			address := e.url(t)
			acknowledged := map[string]Target{}
			for round := range 5 {
				recordAndKill(t, address, 20+round*37, acknowledged)
			}
			s := open(t, Options{URL: address})
			for guid, target := range acknowledged {
				if !get(s.Seen(t.Context(), guid))(t) {
					t.Fatalf("delivery %s was acknowledged and is lost", guid)
				}
				if heads := get(s.Heads(t.Context(), target.Repository, target.Pull))(t); len(heads) != 1 || heads[0].SHA != guid {
					t.Fatalf("the facts of %s are lost: %v", guid, heads)
				}
			}
			checkNothingHalf(t, s, acknowledged)
		})
	}
}

func recordAndKill(t *testing.T, address string, after int, acknowledged map[string]Target) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+address)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) != 4 || words[0] != "ok" {
			if n > after && len(words) < 4 {
				break // cut off by the kill
			}
			t.Fatalf("the child says %q", lines.Text())
		}
		repository, _ := strconv.ParseInt(words[2], 10, 64)
		number, _ := strconv.ParseInt(words[3], 10, 64)
		acknowledged[words[1]] = Target{Repository: repository, Pull: number}
		if n == after {
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}

// checkNothingHalf claims everything: each delivery has its work and each work its delivery.
func checkNothingHalf(t *testing.T, s *Store, acknowledged map[string]Target) {
	t.Helper()
	var deliveries int
	must(t, s.read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM delivery`).Scan(&deliveries))
	woken := map[Target]bool{}
	for {
		leases := get(s.Claim(t.Context(), Claimant{Owner: "w", Lease: time.Hour, Most: 1000}))(t)
		if len(leases) == 0 {
			break
		}
		for _, lease := range leases {
			woken[lease.Target] = true
		}
	}
	for guid, target := range acknowledged {
		if !woken[target] {
			t.Errorf("delivery %s was acknowledged and wakes nothing", guid)
		}
	}
	same(t, "work for each delivery", len(woken), deliveries)
	if len(acknowledged) < 100 {
		t.Errorf("only %d acknowledged: the test proves little", len(acknowledged))
	}
}

func TestReopened(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "a folder %41?#", "store.db")
	must(t, os.MkdirAll(filepath.Dir(strings.TrimPrefix(address, "sqlite:")), 0o700))
	ctx := t.Context()
	s, err := Open(ctx, Options{URL: address})
	must(t, err)
	get(s.Record(ctx, Delivery{GUID: "g"}, Facts{}, push(1)))(t)
	secret := get(s.Secret(ctx, "k"))(t)
	lease := claimOne(t, s)
	must(t, s.Close())
	must(t, s.Close())
	s = open(t, Options{URL: address})
	same(t, "the secret", get(s.Secret(ctx, "k"))(t), secret)
	claimNone(t, s, "leased before the restart")
	must(t, s.Holds(ctx, lease))
	must(t, s.Release(ctx, lease))
	if again := claimOne(t, s); again.Fence <= lease.Fence {
		t.Errorf("fence %d after %d", again.Fence, lease.Fence)
	}
	found, err := os.Stat(strings.TrimPrefix(address, "sqlite:"))
	must(t, err)
	same(t, "only the owner may read the key", found.Mode().Perm(), os.FileMode(0o600))
}
