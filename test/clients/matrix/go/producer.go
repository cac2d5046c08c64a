package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// txnOffsetCommit v5 joins the transaction implicitly; older versions follow an AddOffsetsToTxn.
const implicitAddVersion = 5

type producer struct {
	client *kgo.Client
	find   func(string) handle
	opts   []kgo.Opt
	txnID  string
	// sent tells whether the transaction has records: the client ends only what it has begun itself.
	sent bool
	// unanswered: acks is 0, and no offset is ever known.
	unanswered bool
}

type producerConfig struct {
	Idempotence          *bool   `json:"idempotence"`
	Acks                 *int    `json:"acks"`
	Codec                string  `json:"codec"`
	TransactionalID      *string `json:"transactionalId"`
	TransactionTimeoutMs *int    `json:"transactionTimeoutMs"`
	LingerMs             *int    `json:"lingerMs"`
	MaxInFlight          *int    `json:"maxInFlight"`
	MaxRequestBytes      *int32  `json:"maxRequestBytes"`
}

func (l *login) mechanism() sasl.Mechanism {
	auth := scram.Auth{User: l.Username, Pass: l.Password}
	switch l.Mechanism {
	case "SCRAM-SHA-256":
		return auth.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return auth.AsSha512Mechanism()
	case "OAUTHBEARER":
		return oauth.Auth{Token: l.Token}.AsMechanism()
	default:
		return plain.Auth{User: l.Username, Pass: l.Password}.AsMechanism()
	}
}

func common(o opening) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(o.Bootstrap),
		kgo.ClientID(o.Handle),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(2 * time.Second),
		kgo.RetryTimeout(callWithin),
	}
	if o.Sasl != nil {
		opts = append(opts, kgo.SASL(o.Sasl.mechanism()))
	}
	return opts
}

func openProducer(o opening, find func(string) handle) (handle, error) {
	c, err := decode[producerConfig](optional(o.Config))
	if err != nil {
		return nil, err
	}
	p := &producer{find: find, opts: common(o)}
	opts := append(common(o), kgo.RecordPartitioner(partitioner{}), kgo.ProducerBatchCompression(codecs[c.Codec]))
	isPlain := c.Idempotence != nil && !*c.Idempotence
	if c.Acks != nil {
		opts = append(opts, kgo.RequiredAcks(map[int]kgo.Acks{0: kgo.NoAck(), 1: kgo.LeaderAck(), -1: kgo.AllISRAcks()}[*c.Acks]))
		isPlain = isPlain || *c.Acks != -1
		p.unanswered = *c.Acks == 0
	}
	if isPlain {
		opts = append(opts, kgo.DisableIdempotentWrite())
	}
	if c.TransactionalID != nil {
		p.txnID = *c.TransactionalID
		opts = append(opts, kgo.TransactionalID(p.txnID))
	}
	if c.TransactionTimeoutMs != nil {
		opts = append(opts, kgo.TransactionTimeout(milliseconds(*c.TransactionTimeoutMs)))
	}
	if c.LingerMs != nil {
		opts = append(opts, kgo.ProducerLinger(milliseconds(*c.LingerMs)))
	}
	if c.MaxInFlight != nil && (isPlain || *c.MaxInFlight == 1) {
		// An idempotent producer has five in flight and takes no other number than one.
		opts = append(opts, kgo.MaxProduceRequestsInflightPerBroker(*c.MaxInFlight))
	}
	if c.MaxRequestBytes != nil {
		opts = append(opts, kgo.ProducerBatchMaxBytes(*c.MaxRequestBytes))
	}
	p.client, err = kgo.NewClient(opts...)
	return p, err
}

var codecs = map[string]kgo.CompressionCodec{
	"":       kgo.NoCompression(),
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func (p *producer) close() error {
	p.client.Close()
	return nil
}

func (p *producer) do(verb string, body []byte) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callWithin)
	defer cancel()
	switch verb {
	case "send":
		return p.send(ctx, body)
	case "init":
		_, _, err := p.client.ProducerID(ctx)
		return none{}, err
	case "begin":
		p.sent = false
		return none{}, p.client.BeginTransaction()
	case "commit":
		return none{}, errors.Join(p.client.Flush(ctx), p.client.EndTransaction(ctx, kgo.TryCommit))
	case "abort":
		return none{}, errors.Join(p.client.AbortBufferedRecords(ctx), p.client.EndTransaction(ctx, kgo.TryAbort))
	case "sendOffsets":
		return none{}, p.sendOffsets(ctx, body)
	}
	return nil, unsupported("producer.%s", verb)
}

type sending struct {
	Topic   string `json:"topic"`
	Records []struct {
		Key       []byte   `json:"key"`
		Value     []byte   `json:"value"`
		Headers   []header `json:"headers"`
		Partition *int32   `json:"partition"`
		Timestamp *int64   `json:"timestamp"`
	} `json:"records"`
}

type ack struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

func (p *producer) send(ctx context.Context, body []byte) (any, error) {
	s, err := decode[sending](body)
	if err != nil {
		return nil, err
	}
	records := make([]*kgo.Record, len(s.Records))
	for at, each := range s.Records {
		r := &kgo.Record{Topic: s.Topic, Key: each.Key, Value: each.Value, Partition: keyed}
		for _, h := range each.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader(h))
		}
		if each.Partition != nil {
			r.Partition = *each.Partition
		}
		if each.Timestamp != nil {
			r.Timestamp = time.UnixMilli(*each.Timestamp)
		}
		records[at] = r
	}
	if err := p.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, err
	}
	p.sent = true
	acks := make([]ack, len(records))
	for at, r := range records {
		acks[at] = ack{r.Partition, r.Offset}
		if p.unanswered {
			acks[at].Offset = -1
		}
	}
	return map[string]any{"acks": acks}, nil
}

// keyed marks a record whose partition the key decides.
const keyed = -1

// partitioner keeps a partition that a record names and else does as Kafka's Java client does by default.
type partitioner struct{}

func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return named{kgo.StickyKeyPartitioner(nil).ForTopic(topic)}
}

type named struct{ kgo.TopicPartitioner }

func (n named) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != keyed || n.TopicPartitioner.RequiresConsistency(r)
}

func (n named) Partition(r *kgo.Record, count int) int {
	if r.Partition != keyed {
		return int(r.Partition)
	}
	return n.TopicPartitioner.Partition(r, count)
}

// sendOffsets adds another client's offsets to the transaction. franz-go itself commits offsets only for the
// group that the transactional client is a member of (its own pkg/kgo tests are run for that), so the
// requests are made here, with its connections and its producer id.
func (p *producer) sendOffsets(ctx context.Context, body []byte) error {
	b, err := decode[struct {
		Consumer string            `json:"consumer"`
		Offsets  []partitionOffset `json:"offsets"`
	}](body)
	if err != nil {
		return err
	}
	if !p.sent {
		return unsupported("a transaction with another client's offsets and no records")
	}
	from, ok := p.find(b.Consumer).(*consumer)
	if !ok {
		return &failure{Code: "CLOSED", Message: "there is no consumer " + b.Consumer}
	}
	id, epoch, err := p.client.ProducerID(ctx)
	if err != nil {
		return err
	}
	implicit, err := p.implicitAdds(ctx)
	if err != nil {
		return err
	}
	group, err := p.requester(implicit)
	if err != nil {
		return err
	}
	defer group.Close()
	if !implicit {
		add := kmsg.NewPtrAddOffsetsToTxnRequest()
		add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = p.txnID, id, epoch, from.group
		added, err := add.RequestWith(ctx, group)
		if err != nil {
			return err
		}
		if err := kerr.ErrorForCode(added.ErrorCode); err != nil {
			return err
		}
	}
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch, commit.Group = p.txnID, id, epoch, from.group
	commit.MemberID, commit.Generation = from.client.GroupMetadata()
	if from.instance != "" {
		commit.InstanceID = kmsg.StringPtr(from.instance)
	}
	for topic, parts := range epochOffsets(b.Offsets) {
		t := kmsg.NewTxnOffsetCommitRequestTopic()
		t.Topic = topic
		for number, offset := range parts {
			each := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			each.Partition, each.Offset = number, offset.Offset
			t.Partitions = append(t.Partitions, each)
		}
		commit.Topics = append(commit.Topics, t)
	}
	committed, err := commit.RequestWith(ctx, group)
	if err != nil {
		return err
	}
	for _, topic := range committed.Topics {
		for _, each := range topic.Partitions {
			if err := kerr.ErrorForCode(each.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}

// implicitAdds asks whether the cluster runs transaction.version 2 (KIP-890), under which adds are implicit.
func (p *producer) implicitAdds(ctx context.Context) (bool, error) {
	ask := kmsg.NewPtrApiVersionsRequest()
	ask.ClientSoftwareName, ask.ClientSoftwareVersion = "franz-go", version()
	answer, err := ask.RequestWith(ctx, p.client)
	if err != nil {
		return false, err
	}
	for _, feature := range answer.FinalizedFeatures {
		if feature.Name == "transaction.version" {
			return feature.MaxVersionLevel >= 2, nil
		}
	}
	return false, nil
}

func (p *producer) requester(implicit bool) (*kgo.Client, error) {
	versions := kversion.V4_1_0() // Later ones name topics by id, which a consumer of another client need not have.
	if !implicit {
		versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), implicitAddVersion-1)
	}
	return kgo.NewClient(append(p.opts, kgo.MaxVersions(versions))...)
}

// optional decodes a config that a request may leave out.
func optional(config json.RawMessage) json.RawMessage {
	if len(config) == 0 {
		return json.RawMessage("{}")
	}
	return config
}
