package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// lastByName is the last version of OffsetFetch that names topics; later ones have their ids.
const lastByName = 9

const retryAfter = 20 * time.Millisecond

// consumer is one client that asks (admin) and, once something is subscribed or assigned, one that reads:
// franz-go is told at its creation what it consumes. Rebalances are held back between two polls, as Kafka's
// Java client holds them.
type consumer struct {
	client        *kgo.Client
	asking        *kgo.Client
	admin         *kadm.Client
	base          []kgo.Opt
	grouped       []kgo.Opt
	start         kgo.Offset
	group         string
	instance      string
	committedOnly bool

	mu        sync.Mutex
	owned     map[partition]bool
	positions map[partition]int64
	events    []event
	news      chan none
}

type consumerConfig struct {
	Protocol           string `json:"protocol"`
	InstanceID         string `json:"instanceId"`
	Assignor           string `json:"assignor"`
	Isolation          string `json:"isolation"`
	OffsetReset        string `json:"offsetReset"`
	SessionTimeoutMs   int    `json:"sessionTimeoutMs"`
	HeartbeatMs        int    `json:"heartbeatMs"`
	RebalanceTimeoutMs int    `json:"rebalanceTimeoutMs"`
}

func openConsumer(o opening) (handle, error) {
	c, err := decode[consumerConfig](optional(o.Config))
	if err != nil {
		return nil, err
	}
	grouped, err := groupOptions(o.Group, c)
	if err != nil {
		return nil, err
	}
	k := &consumer{
		group:     o.Group,
		instance:  c.InstanceID,
		grouped:   grouped,
		start:     kgo.NewOffset().AtEnd(),
		owned:     map[partition]bool{},
		positions: map[partition]int64{},
		news:      make(chan none, 1),
	}
	reset := kgo.NewOffset().AtEnd()
	switch c.OffsetReset {
	case "earliest":
		k.start, reset = kgo.NewOffset().AtStart(), kgo.NewOffset().AtStart()
	case "none":
		k.start, reset = kgo.NewOffset().AtCommitted(), kgo.NoResetOffset()
	}
	k.base = append(common(o),
		kgo.ConsumeStartOffset(k.start),
		kgo.ConsumeResetOffset(reset),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if c.Isolation == "read_committed" {
		k.base = append(k.base, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
		k.committedOnly = true
	}
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.OffsetFetch), lastByName)
	k.asking, err = kgo.NewClient(append(slices.Clone(k.base), kgo.MaxVersions(versions))...)
	if err != nil {
		return nil, err
	}
	k.admin = kadm.NewClient(k.asking)
	return k, nil
}

func groupOptions(group string, c consumerConfig) ([]kgo.Opt, error) {
	if group == "" {
		return nil, nil
	}
	opts := []kgo.Opt{kgo.ConsumerGroup(group), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll()}
	balancers := map[string]kgo.GroupBalancer{
		"":                   kgo.RangeBalancer(),
		"range":              kgo.RangeBalancer(),
		"roundrobin":         kgo.RoundRobinBalancer(),
		"sticky":             kgo.StickyBalancer(),
		"cooperative-sticky": kgo.CooperativeStickyBalancer(),
	}
	if c.Protocol == "consumer" {
		// The client names the server's assignor by its own balancer of that kind.
		opts = append(opts, kgo.ServerSideBalancer())
		balancers = map[string]kgo.GroupBalancer{
			"": kgo.StickyBalancer(), "uniform": kgo.StickyBalancer(), "range": kgo.RangeBalancer(),
		}
	}
	balancer, ok := balancers[c.Assignor]
	if !ok {
		return nil, unsupported("assignor %s with the %s protocol", c.Assignor, c.Protocol)
	}
	opts = append(opts, kgo.Balancers(balancer))
	if c.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(c.InstanceID))
	}
	if c.SessionTimeoutMs > 0 {
		opts = append(opts, kgo.SessionTimeout(milliseconds(c.SessionTimeoutMs)))
	}
	if c.HeartbeatMs > 0 {
		opts = append(opts, kgo.HeartbeatInterval(milliseconds(c.HeartbeatMs)))
	} else if c.SessionTimeoutMs > 0 {
		opts = append(opts, kgo.HeartbeatInterval(min(3*time.Second, milliseconds(c.SessionTimeoutMs/3))))
	}
	if c.RebalanceTimeoutMs > 0 {
		opts = append(opts, kgo.RebalanceTimeout(milliseconds(c.RebalanceTimeoutMs)))
	}
	return opts, nil
}

func (k *consumer) close() error {
	if k.client != nil {
		k.client.CloseAllowingRebalance()
	}
	k.admin.Close()
	return nil
}

func (k *consumer) do(verb string, body []byte) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	switch verb {
	case "subscribe":
		return none{}, k.subscribe(body)
	case "assign":
		return none{}, k.assign(ctx, body)
	}
	named, err := decode[struct {
		Partitions []partition `json:"partitions"`
	}](body)
	if err != nil {
		return nil, err
	}
	switch verb {
	case "committed":
		return k.committed(ctx, named.Partitions)
	case "offsetsForTimes":
		return k.offsetsForTimes(ctx, body)
	case "beginningOffsets":
		return listedOffsets(named.Partitions, func(t string) (kadm.ListedOffsets, error) { return k.admin.ListStartOffsets(ctx, t) })
	case "endOffsets":
		return listedOffsets(named.Partitions, func(t string) (kadm.ListedOffsets, error) { return k.ends(ctx, t) })
	}
	if k.client == nil {
		return nil, &failure{Code: "CLIENT", Message: "nothing is subscribed or assigned"}
	}
	switch verb {
	case "poll":
		return k.poll(body)
	case "commit":
		return none{}, k.commit(ctx, body)
	case "position":
		return k.position(named.Partitions), nil
	case "seek":
		return none{}, k.seek(body)
	case "pause":
		k.client.PauseFetchPartitions(byTopic(named.Partitions))
		return none{}, nil
	case "resume":
		k.client.ResumeFetchPartitions(byTopic(named.Partitions))
		return none{}, nil
	}
	return nil, unsupported("consumer.%s", verb)
}

func (k *consumer) subscribe(body []byte) error {
	s, err := decode[struct {
		Topics  []string `json:"topics"`
		Pattern string   `json:"pattern"`
	}](body)
	if err != nil {
		return err
	}
	if k.client != nil && s.Pattern == "" {
		k.resubscribe(s.Topics)
		return nil
	}
	opts := slices.Concat(k.base, k.grouped, []kgo.Opt{
		kgo.OnPartitionsAssigned(k.told("assigned")),
		kgo.OnPartitionsRevoked(k.told("revoked")),
		kgo.OnPartitionsLost(k.told("lost")),
	})
	if s.Pattern != "" {
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(whole(s.Pattern)))
	} else {
		opts = append(opts, kgo.ConsumeTopics(s.Topics...))
	}
	if k.client != nil {
		k.client.CloseAllowingRebalance()
	}
	k.client, err = kgo.NewClient(opts...)
	return err
}

// whole anchors a pattern: Kafka's clients match whole names, this one parts of them.
func whole(pattern string) string {
	return "^(?:" + strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$") + ")$"
}

func (k *consumer) resubscribe(topics []string) {
	var gone []string
	for _, topic := range k.client.GetConsumeTopics() {
		if !slices.Contains(topics, topic) {
			gone = append(gone, topic)
		}
	}
	k.client.AllowRebalance()
	k.client.PurgeTopicsFromConsuming(gone...)
	k.client.AddConsumeTopics(topics...)
}

func (k *consumer) told(kind string) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		all := listed(partitions)
		if len(all) == 0 {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		for _, each := range all {
			delete(k.positions, each)
			if kind == "assigned" {
				k.owned[each] = true
			} else {
				delete(k.owned, each)
			}
		}
		k.events = append(k.events, event{kind, all})
		select {
		case k.news <- none{}:
		default:
		}
	}
}

func (k *consumer) assign(ctx context.Context, body []byte) error {
	a, err := decode[struct {
		Partitions []struct {
			partition
			Offset json.RawMessage `json:"offset"`
		} `json:"partitions"`
	}](body)
	if err != nil {
		return err
	}
	starts := map[string]map[int32]kgo.Offset{}
	owned := map[partition]bool{}
	for _, each := range a.Partitions {
		if starts[each.Topic] == nil {
			starts[each.Topic] = map[int32]kgo.Offset{}
		}
		start, err := k.startOf(ctx, each.partition, string(each.Offset))
		if err != nil {
			return err
		}
		starts[each.Topic][each.Partition] = start
		owned[each.partition] = true
	}
	if k.client != nil {
		k.client.CloseAllowingRebalance()
	}
	k.client, err = kgo.NewClient(append(slices.Clone(k.base), kgo.ConsumePartitions(starts))...)
	k.owned = owned
	return err
}

func (k *consumer) startOf(ctx context.Context, of partition, offset string) (kgo.Offset, error) {
	switch offset {
	case `"earliest"`:
		return kgo.NewOffset().AtStart(), nil
	case `"latest"`:
		return kgo.NewOffset().AtEnd(), nil
	case `"committed"`:
		found, err := k.admin.FetchOffsetsForTopics(ctx, k.group, of.Topic)
		if err != nil {
			return kgo.Offset{}, err
		}
		if each, ok := found.Lookup(of.Topic, of.Partition); ok && each.At >= 0 {
			return kgo.NewOffset().At(each.At), nil
		}
		return k.start, nil
	}
	at, err := json.Number(offset).Int64()
	return kgo.NewOffset().At(at), err
}

type readRecord struct {
	partitionOffset
	Timestamp int64    `json:"timestamp"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
}

func (k *consumer) poll(body []byte) (any, error) {
	p, err := decode[struct {
		MaxRecords int `json:"maxRecords"`
		TimeoutMs  int `json:"timeoutMs"`
	}](body)
	if err != nil {
		return nil, err
	}
	k.client.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), milliseconds(p.TimeoutMs))
	defer cancel()
	go func() {
		select {
		case <-k.news:
			cancel()
		case <-ctx.Done():
		}
	}()
	fetches := k.client.PollRecords(ctx, p.MaxRecords)
	for _, failed := range fetches.Errors() {
		if !passing(failed.Err) {
			return nil, failed.Err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	records := []readRecord{}
	fetches.EachRecord(func(r *kgo.Record) {
		from := partition{r.Topic, r.Partition}
		k.positions[from] = r.Offset + 1
		headers := []header{}
		for _, h := range r.Headers {
			headers = append(headers, header(h))
		}
		records = append(records, readRecord{partitionOffset{from, r.Offset}, r.Timestamp.UnixMilli(), r.Key, r.Value, headers})
	})
	assignment := []partition{}
	for each := range k.owned {
		assignment = append(assignment, each)
	}
	slices.SortFunc(assignment, func(a, b partition) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return int(a.Partition - b.Partition)
	})
	events := append([]event{}, k.events...)
	k.events = nil
	select {
	case <-k.news:
	default:
	}
	return map[string]any{"records": records, "assignment": assignment, "events": events}, nil
}

// passing is an error that the client tells and goes on from: the end of the wait, or a membership that was
// lost and is asked for again.
func passing(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	if _, ok := errors.AsType[*kgo.ErrGroupSession](err); !ok {
		return false
	}
	for _, each := range []error{kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.RebalanceInProgress} {
		if errors.Is(err, each) {
			fmt.Fprintln(os.Stderr, err)
			return true
		}
	}
	return false
}

func (k *consumer) commit(ctx context.Context, body []byte) error {
	b, err := decode[struct {
		Offsets *[]partitionOffset `json:"offsets"`
	}](body)
	if err != nil {
		return err
	}
	if b.Offsets == nil {
		return k.client.CommitUncommittedOffsets(ctx)
	}
	k.client.CommitOffsetsSync(ctx, epochOffsets(*b.Offsets), func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, failed error) {
		err = failed
		if answer == nil {
			return
		}
		for _, topic := range answer.Topics {
			for _, each := range topic.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(each.ErrorCode))
			}
		}
	})
	return err
}

// committed asks for the very partitions, and waits for transactions that are ending: a question for all of a
// group's offsets leaves out those that have only a pending one.
func (k *consumer) committed(ctx context.Context, asked []partition) (any, error) {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group, request.RequireStable = k.group, true
	for topic, numbers := range byTopic(asked) {
		each := kmsg.NewOffsetFetchRequestTopic()
		each.Topic, each.Partitions = topic, numbers
		request.Topics = append(request.Topics, each)
	}
	answer, err := request.RequestWith(ctx, k.asking)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return nil, err
	}
	found := map[partition]int64{}
	for _, topic := range answer.Topics {
		for _, each := range topic.Partitions {
			if err := kerr.ErrorForCode(each.ErrorCode); errors.Is(err, kerr.UnstableOffsetCommit) {
				time.Sleep(retryAfter)
				return k.committed(ctx, asked)
			} else if err != nil {
				return nil, err
			}
			found[partition{topic.Topic, each.Partition}] = each.Offset
		}
	}
	all := []maybeOffset{}
	for _, each := range asked {
		one := maybeOffset{partition: each}
		if offset := found[each]; offset >= 0 {
			one.Offset = &offset
		}
		all = append(all, one)
	}
	return offsets[maybeOffset]{all}, nil
}

func (k *consumer) position(asked []partition) any {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := []maybeOffset{}
	for _, each := range asked {
		one := maybeOffset{partition: each}
		if offset, ok := k.positions[each]; ok {
			one.Offset = &offset
		}
		all = append(all, one)
	}
	return offsets[maybeOffset]{all}
}

func (k *consumer) seek(body []byte) error {
	to, err := decode[partitionOffset](body)
	if err != nil {
		return err
	}
	k.client.SetOffsets(epochOffsets([]partitionOffset{to}))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.positions[to.partition] = to.Offset
	return nil
}

// ends lists the last stable offsets for a consumer of committed records, else the high watermarks.
func (k *consumer) ends(ctx context.Context, topic string) (kadm.ListedOffsets, error) {
	if k.committedOnly {
		return k.admin.ListCommittedOffsets(ctx, topic)
	}
	return k.admin.ListEndOffsets(ctx, topic)
}

func (k *consumer) offsetsForTimes(ctx context.Context, body []byte) (any, error) {
	b, err := decode[struct {
		Partitions []struct {
			partition
			Timestamp int64 `json:"timestamp"`
		} `json:"partitions"`
	}](body)
	if err != nil {
		return nil, err
	}
	all := []maybeOffset{}
	for _, each := range b.Partitions {
		found, err := k.admin.ListOffsetsAfterMilli(ctx, each.Timestamp, each.Topic)
		if err != nil {
			return nil, err
		}
		offset, ok := found.Lookup(each.Topic, each.Partition)
		if !ok || offset.Err != nil {
			return nil, errors.Join(kerr.UnknownTopicOrPartition, offset.Err)
		}
		one := maybeOffset{partition: each.partition}
		// Where no record is that young, the client answers the end of the partition without a timestamp.
		if offset.Timestamp >= 0 {
			one.Offset = &offset.Offset
		}
		all = append(all, one)
	}
	return offsets[maybeOffset]{all}, nil
}

func listedOffsets(asked []partition, list func(string) (kadm.ListedOffsets, error)) (any, error) {
	all := []partitionOffset{}
	for _, each := range asked {
		found, err := list(each.Topic)
		if err != nil {
			return nil, err
		}
		offset, ok := found.Lookup(each.Topic, each.Partition)
		if !ok {
			return nil, kerr.UnknownTopicOrPartition
		}
		if offset.Err != nil {
			return nil, offset.Err
		}
		all = append(all, partitionOffset{each, offset.Offset})
	}
	return offsets[partitionOffset]{all}, nil
}
