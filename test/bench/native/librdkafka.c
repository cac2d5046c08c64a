// A load generator on librdkafka, the library under most clients that are not Java's, with its default
// settings except where said. One line of JSON on standard output; any failed record ends it with 1.
//   produce PORT TOPIC PARTITIONS PRODUCERS RECORDS RECORD_BYTES
//   consume PORT TOPIC RECORDS
//   endtoend PORT TOPIC RATE RECORDS RECORD_BYTES

#define _GNU_SOURCE
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000LL
#define WAIT_MS 30000

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void sleep_until(int64_t at_ns) {
  struct timespec at = {at_ns / SECOND_NS, at_ns % SECOND_NS};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
  }
}

/* Producers count what was acknowledged; an opaque is the time it was due, or 0. */
struct acks {
  int64_t count;
  int64_t *latencies_ns;
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  struct acks *acks = opaque;
  (void)client;
  if (message->err) fail("delivery", rd_kafka_err2str(message->err));
  int64_t due_ns = (int64_t)(intptr_t)message->_private;
  if (due_ns != 0 && acks->latencies_ns) acks->latencies_ns[acks->count] = now_ns() - due_ns;
  if (due_ns != 0) acks->count++;
}

static void set(rd_kafka_conf_t *settings, const char *name, const char *value) {
  char error[512];
  if (rd_kafka_conf_set(settings, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(name, error);
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *port, const char *linger_ms, struct acks *acks) {
  char servers[64], error[512];
  snprintf(servers, sizeof servers, "127.0.0.1:%s", port);
  rd_kafka_conf_t *settings = rd_kafka_conf_new();
  set(settings, "bootstrap.servers", servers);
  set(settings, "broker.address.family", "v4");
  if (type == RD_KAFKA_PRODUCER) {
    set(settings, "acks", "all");
    if (linger_ms) set(settings, "linger.ms", linger_ms);
    rd_kafka_conf_set_dr_msg_cb(settings, on_delivery);
    rd_kafka_conf_set_opaque(settings, acks);
  } else {
    // A group is named because the library asks for one; nothing joins it.
    set(settings, "group.id", "bench");
    set(settings, "enable.auto.commit", "false");
  }
  rd_kafka_t *client = rd_kafka_new(type, settings, error, sizeof error);
  if (!client) fail("librdkafka", error);
  return client;
}

static void produce_one(rd_kafka_t *producer, const char *topic, int partition, void *value, size_t bytes, int64_t due_ns) {
  rd_kafka_resp_err_t error;
  while ((error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                    RD_KAFKA_V_VALUE(value, bytes), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                    RD_KAFKA_V_OPAQUE((void *)(intptr_t)due_ns), RD_KAFKA_V_END)) != 0) {
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(error));
    rd_kafka_poll(producer, 10);
  }
}

static void flush(rd_kafka_t *producer) {
  rd_kafka_resp_err_t error = rd_kafka_flush(producer, WAIT_MS);
  if (error) fail("flush", rd_kafka_err2str(error));
}

static char *make_value(size_t bytes) {
  char *value = malloc(bytes + 1);
  for (size_t at = 0; at < bytes; at++) value[at] = "{\"text\":\"ottla \"}"[at % 17];
  return value;
}

struct load {
  rd_kafka_t *producer;
  struct acks acks;
  const char *topic;
  int first, step, partitions;
  int64_t records;
  size_t record_bytes;
};

/* Writes to every `step`th partition in turn. */
static void *produce_all(void *argument) {
  struct load *load = argument;
  char *value = make_value(load->record_bytes);
  int partition = load->first;
  for (int64_t record = 0; record < load->records; record++) {
    produce_one(load->producer, load->topic, partition, value, load->record_bytes, 1);
    partition += load->step;
    if (partition >= load->partitions) partition = load->first;
    if (record % 256 == 0) rd_kafka_poll(load->producer, 0);
  }
  flush(load->producer);
  free(value);
  return NULL;
}

static void run_produce(char **args) {
  int partitions = atoi(args[2]), producers = atoi(args[3]);
  int64_t records = atoll(args[4]) / producers;
  struct load loads[64];
  pthread_t threads[64];
  if (producers < 1 || producers > 64) fail("producers", "1 to 64");
  for (int index = 0; index < producers; index++) {
    struct load *load = &loads[index];
    *load = (struct load){NULL, {0, NULL}, args[1], index % partitions, producers, partitions, records, (size_t)atoll(args[5])};
    load->producer = open_client(RD_KAFKA_PRODUCER, args[0], NULL, &load->acks);
    // Connections and metadata are there when the clock starts.
    for (int partition = load->first; partition < partitions; partition += producers)
      produce_one(load->producer, load->topic, partition, "warm", 4, 0);
    flush(load->producer);
  }
  int64_t start_ns = now_ns(), count = 0;
  for (int index = 0; index < producers; index++) pthread_create(&threads[index], NULL, produce_all, &loads[index]);
  for (int index = 0; index < producers; index++) pthread_join(threads[index], NULL);
  double ms = (now_ns() - start_ns) / 1e6;
  for (int index = 0; index < producers; index++) count += loads[index].acks.count;
  if (count != records * producers) fail("produce", "not every record was acknowledged");
  printf("{\"version\":\"%s\",\"records\":%" PRId64 ",\"ms\":%.3f}\n", rd_kafka_version_str(), count, ms);
}

static rd_kafka_t *open_consumer(const char *port, const char *topic, int64_t offset) {
  rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, port, NULL, NULL);
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(partitions, topic, 0)->offset = offset;
  rd_kafka_resp_err_t error = rd_kafka_assign(consumer, partitions);
  if (error) fail("assign", rd_kafka_err2str(error));
  rd_kafka_topic_partition_list_destroy(partitions);
  return consumer;
}

static void run_consume(char **args) {
  int64_t records = atoll(args[2]), count = 0, bytes = 0;
  rd_kafka_t *consumer = open_consumer(args[0], args[1], RD_KAFKA_OFFSET_BEGINNING);
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
  rd_kafka_message_t *messages[1000];
  int64_t start_ns = 0;
  while (count < records) {
    ssize_t got = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, 1000);
    if (got <= 0) fail("consume", "no records came");
    // From the first records on: what came before is connecting.
    if (start_ns == 0) start_ns = now_ns();
    for (ssize_t index = 0; index < got; index++) {
      if (messages[index]->err) fail("consume", rd_kafka_err2str(messages[index]->err));
      bytes += messages[index]->len;
      count++;
      rd_kafka_message_destroy(messages[index]);
    }
  }
  double ms = (now_ns() - start_ns) / 1e6;
  printf("{\"version\":\"%s\",\"records\":%" PRId64 ",\"bytes\":%" PRId64 ",\"ms\":%.3f}\n", rd_kafka_version_str(), count, bytes, ms);
}

struct schedule {
  rd_kafka_t *producer;
  const char *topic;
  int64_t start_ns, period_ns, records;
  size_t record_bytes;
};

/* Open loop: each record is sent when it is due, whatever became of those before, and carries that time. */
static void *produce_on_time(void *argument) {
  struct schedule *schedule = argument;
  char *value = make_value(schedule->record_bytes);
  for (int64_t record = 0; record < schedule->records; record++) {
    int64_t due_ns = schedule->start_ns + record * schedule->period_ns;
    sleep_until(due_ns);
    memcpy(value, &due_ns, sizeof due_ns);
    produce_one(schedule->producer, schedule->topic, 0, value, schedule->record_bytes, due_ns);
    rd_kafka_poll(schedule->producer, 0);
  }
  flush(schedule->producer);
  free(value);
  return NULL;
}

static rd_kafka_message_t *next(rd_kafka_t *consumer) {
  rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, WAIT_MS);
  if (!message) fail("consume", "no record came");
  if (message->err) fail("consume", rd_kafka_err2str(message->err));
  return message;
}

static void print_microseconds(const char *name, const int64_t *values_ns, int64_t count) {
  printf("\"%s\":[", name);
  for (int64_t index = 0; index < count; index++) printf(index ? ",%" PRId64 : "%" PRId64, values_ns[index] / 1000);
  printf("]");
}

static void run_end_to_end(char **args) {
  int64_t rate = atoll(args[2]), records = atoll(args[3]);
  int64_t *arrivals_ns = calloc(records, sizeof *arrivals_ns);
  struct acks acks = {0, calloc(records, sizeof(int64_t))};
  // A record that is to arrive soon is not kept waiting for company.
  rd_kafka_t *producer = open_client(RD_KAFKA_PRODUCER, args[0], "0", &acks);
  int64_t low, high;
  rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(producer, args[1], 0, &low, &high, WAIT_MS);
  if (error) fail("offsets", rd_kafka_err2str(error));
  rd_kafka_t *consumer = open_consumer(args[0], args[1], high);
  // Both ends are connected, and the consumer waits at the end, when the first one is due.
  produce_one(producer, args[1], 0, "warm", 4, 0);
  flush(producer);
  rd_kafka_message_destroy(next(consumer));
  struct schedule schedule = {producer, args[1], now_ns() + SECOND_NS / 10, SECOND_NS / rate, records, (size_t)atoll(args[4])};
  pthread_t thread;
  pthread_create(&thread, NULL, produce_on_time, &schedule);
  for (int64_t record = 0; record < records; record++) {
    rd_kafka_message_t *message = next(consumer);
    int64_t due_ns;
    memcpy(&due_ns, message->payload, sizeof due_ns);
    arrivals_ns[record] = now_ns() - due_ns;
    rd_kafka_message_destroy(message);
  }
  pthread_join(thread, NULL);
  if (acks.count != records) fail("produce", "not every record was acknowledged");
  printf("{\"version\":\"%s\",", rd_kafka_version_str());
  print_microseconds("arrivals", arrivals_ns, records);
  printf(",");
  print_microseconds("acks", acks.latencies_ns, records);
  printf("}\n");
}

int main(int count, char **args) {
  if (count == 8 && !strcmp(args[1], "produce")) run_produce(args + 2);
  else if (count == 5 && !strcmp(args[1], "consume")) run_consume(args + 2);
  else if (count == 7 && !strcmp(args[1], "endtoend")) run_end_to_end(args + 2);
  else fail("usage", "produce | consume | endtoend, see the top of the source");
  return 0;
}
