#include "wire/frame.hpp"

#include <bit>
#include <cstring>

#include "wire/bounds.hpp"

namespace sluice::wire {

static_assert(std::endian::native == std::endian::little, "frames are written in the machine's byte order");

namespace {

constexpr std::size_t kept_room = 1024 * 1024;  // kept of a buffer that a large frame needed
constexpr std::size_t most_fields = 10'000;

/// Writes one frame. Its length is filled in at the end.
class Writer {
 public:
  Writer(std::string& out, Kind kind) : out_(out), start_(out.size()) {
    out_.append(sizeof(std::uint32_t), '\0');
    out_ += static_cast<char>(kind);
  }
  ~Writer() {
    const auto length = static_cast<std::uint32_t>(out_.size() - start_ - sizeof(std::uint32_t));
    std::memcpy(out_.data() + start_, &length, sizeof length);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  template <class Number>
  void number(Number value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
  }

 private:
  std::string& out_;
  std::size_t start_;
};

class Reader {
 public:
  explicit Reader(std::string_view body) : rest_(body) {}

  template <class Number>
  Number number() {
    Number value;
    if (rest_.size() < sizeof value) throw Malformed("a frame that ends within a number");
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view text() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) throw Malformed("a frame that ends within a text");
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  std::string string() { return std::string(text()); }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

void put_type(Writer& writer, const job::TypeSpec& type) {
  for (const auto* text : {&type.name, &type.summary, &type.payload_schema, &type.payload_example}) {
    writer.text(*text);
  }
  writer.number(type.max_attempts);
  writer.number(type.concurrency);
  for (const auto duration : {type.timeout, type.backoff_first, type.backoff_cap}) {
    writer.number(std::int64_t{duration.count()});
  }
  writer.number(static_cast<std::uint8_t>(type.at_most_once));
  writer.number(static_cast<std::uint8_t>(type.brief));
}

job::TypeSpec get_type(Reader& reader) {
  job::TypeSpec type;
  for (auto* text : {&type.name, &type.summary, &type.payload_schema, &type.payload_example}) {
    *text = reader.string();
  }
  type.max_attempts = reader.number<int>();
  type.concurrency = reader.number<int>();
  for (auto* duration : {&type.timeout, &type.backoff_first, &type.backoff_cap}) {
    *duration = job::Microseconds(reader.number<std::int64_t>());
  }
  type.at_most_once = reader.number<std::uint8_t>() != 0;
  type.brief = reader.number<std::uint8_t>() != 0;
  return type;
}

template <class Items, class Put>
void put_list(Writer& writer, const Items& items, Put put) {
  writer.number(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items) put(item);
}
void put_texts(Writer& writer, const std::vector<std::string>& texts) {
  put_list(writer, texts, [&](const std::string& text) { writer.text(text); });
}

std::vector<std::string> get_texts(Reader& reader) {
  std::vector<std::string> texts;
  for (auto left = reader.number<std::uint32_t>(); left > 0; --left) texts.push_back(reader.string());
  return texts;
}

void put_sandbox(Writer& writer, const job::Sandbox& sandbox) {
  for (const bool flag : {sandbox.on, sandbox.any_network, sandbox.unix_sockets, sandbox.spawn})
    writer.number(static_cast<std::uint8_t>(flag));
  put_texts(writer, sandbox.read);
  put_texts(writer, sandbox.write);
  put_list(writer, sandbox.ports, [&](std::uint16_t port) { writer.number(port); });
}

job::Sandbox get_sandbox(Reader& reader) {
  job::Sandbox sandbox;
  for (bool* flag : {&sandbox.on, &sandbox.any_network, &sandbox.unix_sockets, &sandbox.spawn})
    *flag = reader.number<std::uint8_t>() != 0;
  sandbox.read = get_texts(reader);
  sandbox.write = get_texts(reader);
  for (auto left = reader.number<std::uint32_t>(); left > 0; --left)
    sandbox.ports.push_back(reader.number<std::uint16_t>());
  return sandbox;
}

constexpr std::int64_t no_delay = -1;

void put_asked_for(Writer& writer, const job::Outcome& outcome) {
  writer.number(static_cast<std::uint32_t>(outcome.follow_ups.size()));
  for (const job::FollowUp& job : outcome.follow_ups) {
    for (const auto* text : {&job.type, &job.payload, &job.unique_key}) writer.text(*text);
    writer.number(std::int64_t{job.delay.count()});
  }
  writer.number(static_cast<std::uint32_t>(outcome.effects.size()));
  for (const job::Effect& effect : outcome.effects) {
    writer.text(effect.sql);
    writer.number(static_cast<std::uint32_t>(effect.parameters.size()));
    for (const auto& parameter : effect.parameters) {
      writer.number(static_cast<std::uint8_t>(parameter.has_value()));
      if (parameter) writer.text(*parameter);
    }
  }
}

void get_asked_for(Reader& reader, job::Outcome& outcome) {
  std::size_t requests = 0;
  const auto count = [&] {
    if (++requests > most_requests) throw Malformed("an outcome with too many requests");
  };
  for (auto left = reader.number<std::uint32_t>(); left > 0; --left) {
    count();
    job::FollowUp job;
    for (auto* text : {&job.type, &job.payload, &job.unique_key}) *text = reader.string();
    job.delay = job::Microseconds(reader.number<std::int64_t>());
    outcome.follow_ups.push_back(std::move(job));
  }
  for (auto left = reader.number<std::uint32_t>(); left > 0; --left) {
    count();
    job::Effect effect;
    effect.sql = reader.string();
    for (auto more = reader.number<std::uint32_t>(); more > 0; --more) {
      count();
      const bool given = reader.number<std::uint8_t>() != 0;
      effect.parameters.push_back(given ? std::optional(reader.string()) : std::nullopt);
    }
    outcome.effects.push_back(std::move(effect));
  }
}

}  // namespace

void put_load(std::string& out, const Load& load) {
  Writer writer(out, Kind::load);
  writer.text(load.path);
  writer.number(static_cast<std::uint8_t>(load.ownership));
  writer.text(load.place);
  put_sandbox(writer, load.sandbox);
  writer.number(static_cast<std::uint8_t>(load.user.has_value()));
  if (!load.user) return;
  writer.text(load.user->name);
  writer.text(load.user->home);
  writer.number(static_cast<std::uint32_t>(load.user->uid));
  writer.number(static_cast<std::uint32_t>(load.user->gid));
}

Load get_load(std::string_view body) {
  Reader reader(body);
  Load load;
  load.path = reader.string();
  load.ownership = static_cast<base::Ownership>(reader.number<std::uint8_t>());
  load.place = reader.string();
  load.sandbox = get_sandbox(reader);
  if (reader.number<std::uint8_t>() == 0) return load;
  load.user.emplace();
  load.user->name = reader.string();
  load.user->home = reader.string();
  load.user->uid = reader.number<std::uint32_t>();
  load.user->gid = reader.number<std::uint32_t>();
  return load;
}

void put_start(std::string& out, const Start& start) {
  Writer writer(out, Kind::start);
  writer.number(start.slots);
  writer.number(start.log_level);
  writer.number(static_cast<std::uint8_t>(start.effects));
  writer.number(static_cast<std::uint8_t>(start.all_progress));
  writer.number(start.log_limit);
  writer.number(start.most_requests);
  writer.text(start.config);
  put_list(writer, start.secrets, [&](const auto& secret) {
    writer.text(secret.first);
    writer.text(secret.second);
  });
  writer.number(static_cast<std::uint8_t>(start.strict.plugin));
  for (const auto& [type, strict] : start.strict.types) {
    writer.text(type);
    writer.number(static_cast<std::uint8_t>(strict));
  }
}

Start get_start(std::string_view body) {
  Reader reader(body);
  Start start;
  start.slots = reader.number<std::uint32_t>();
  start.log_level = reader.number<std::int32_t>();
  start.effects = reader.number<std::uint8_t>() != 0;
  start.all_progress = reader.number<std::uint8_t>() != 0;
  start.log_limit = reader.number<std::uint32_t>();
  start.most_requests = reader.number<std::uint32_t>();
  start.config = reader.string();
  for (auto left = reader.number<std::uint32_t>(); left > 0; --left) {
    std::string name = reader.string();
    start.secrets[std::move(name)] = reader.string();
  }
  start.strict.plugin = reader.number<std::uint8_t>() != 0;
  while (!reader.empty()) {
    const std::string type = reader.string();
    start.strict.types[type] = reader.number<std::uint8_t>() != 0;
  }
  return start;
}

void put_stop(std::string& out) {
  Writer(out, Kind::stop);
}
void put_ready(std::string& out) {
  Writer(out, Kind::ready);
}
void put_stopped(std::string& out) {
  Writer(out, Kind::stopped);
}
void put_refused(std::string& out, std::string_view reason) {
  Writer(out, Kind::refused).text(reason);
}
std::string get_refused(std::string_view body) {
  return Reader(body).string();
}

void put_described(std::string& out, const job::PluginSpec& spec) {
  Writer writer(out, Kind::described);
  for (const auto* text : {&spec.name, &spec.version, &spec.vendor, &spec.url, &spec.license, &spec.summary,
                           &spec.config_schema, &spec.sandbox, &spec.build_id}) {
    writer.text(*text);
  }
  writer.number(spec.abi_major);
  writer.number(spec.abi_minor);
  writer.number(static_cast<std::uint32_t>(spec.types.size()));
  for (const job::TypeSpec& type : spec.types) put_type(writer, type);
}

/// The host has checked it, unless its plugin writes frames.
void check_declared(const std::string& sandbox) {
  try {
    job::parse_sandbox(sandbox);
  } catch (const job::BadSandbox&) {
    throw Malformed("a declared sandbox that can't be used");
  }
}

job::PluginSpec get_described(std::string_view body) {
  Reader reader(body);
  job::PluginSpec spec;
  for (auto* text : {&spec.name, &spec.version, &spec.vendor, &spec.url, &spec.license, &spec.summary,
                     &spec.config_schema, &spec.sandbox, &spec.build_id}) {
    *text = reader.string();
  }
  spec.abi_major = reader.number<int>();
  spec.abi_minor = reader.number<int>();
  const auto types = reader.number<std::uint32_t>();
  if (types > most_types) throw Malformed("a description with too many job types");
  for (std::uint32_t i = 0; i < types; ++i) spec.types.push_back(get_type(reader));
  check_declared(spec.sandbox);
  return spec;
}

void put_log(std::string& out, const LogLine& line) {
  Writer writer(out, Kind::log);
  writer.number(line.level);
  writer.number(line.ticket);
  writer.text(line.message);
  for (const auto& field : line.fields) {
    writer.text(field.key);
    writer.text(field.value);
    writer.number(static_cast<std::uint8_t>(field.json));
  }
}

LogLine get_log(std::string_view body) {
  Reader reader(body);
  LogLine line;
  line.level = reader.number<std::int32_t>();
  line.ticket = reader.number<std::int64_t>();
  line.message = reader.string();
  while (!reader.empty()) {
    if (line.fields.size() >= most_fields) throw Malformed("a log line with too many fields");
    LogLine::Field field;
    field.key = reader.string();
    field.value = reader.string();
    field.json = reader.number<std::uint8_t>() != 0;
    line.fields.push_back(std::move(field));
  }
  return line;
}

void put_dropped(std::string& out, std::uint64_t lines) {
  Writer(out, Kind::dropped).number(lines);
}

std::uint64_t get_dropped(std::string_view body) {
  return Reader(body).number<std::uint64_t>();
}

void put_progress(std::string& out, const Progress& progress) {
  Writer writer(out, Kind::progress);
  writer.number(progress.ticket);
  writer.number(progress.fraction);
  writer.text(progress.note);
}

Progress get_progress(std::string_view body) {
  Reader reader(body);
  Progress progress;
  progress.ticket = reader.number<std::uint32_t>();
  progress.fraction = reader.number<double>();
  progress.note = reader.string();
  return progress;
}

void put_jobs(std::string& out, const std::vector<JobOrder>& orders) {
  Writer writer(out, Kind::jobs);
  for (const JobOrder& order : orders) {
    for (const auto number : {order.ticket, order.type_index, order.attempt, order.max_attempts}) {
      writer.number(number);
    }
    writer.number(order.created_at_us);
    writer.number(order.limit_us);
    writer.text(order.id);
    writer.text(order.payload);
  }
}

std::vector<JobOrder> get_jobs(std::string_view body) {
  Reader reader(body);
  std::vector<JobOrder> orders;
  while (!reader.empty()) {
    JobOrder order;
    for (auto* number : {&order.ticket, &order.type_index, &order.attempt, &order.max_attempts}) {
      *number = reader.number<std::uint32_t>();
    }
    order.created_at_us = reader.number<std::int64_t>();
    order.limit_us = reader.number<std::int64_t>();
    order.id = reader.text();
    order.payload = reader.text();
    orders.push_back(order);
  }
  return orders;
}

void put_outcome(std::string& out, std::uint32_t ticket, const job::Outcome& outcome) {
  Writer writer(out, Kind::outcomes);
  writer.number(ticket);
  writer.number(static_cast<std::uint8_t>(outcome.result));
  writer.number(outcome.delay ? std::int64_t{outcome.delay->count()} : no_delay);
  writer.number(std::int64_t{outcome.duration.count()});
  for (const auto* text : {&outcome.code, &outcome.error, &outcome.output, &outcome.log_tail}) {
    writer.text(*text);
  }
  if (outcome.effectful()) put_asked_for(writer, outcome);
}

JobResult get_outcome(std::string_view body) {
  Reader reader(body);
  JobResult result;
  result.ticket = reader.number<std::uint32_t>();
  const auto value = reader.number<std::uint8_t>();
  if (value > static_cast<std::uint8_t>(job::Result::released))
    throw Malformed("an outcome of an unknown result");
  result.outcome.result = static_cast<job::Result>(value);
  const auto delay = reader.number<std::int64_t>();
  if (delay != no_delay) result.outcome.delay = job::Microseconds(delay);
  result.outcome.duration = job::Microseconds(reader.number<std::int64_t>());
  for (auto* text :
       {&result.outcome.code, &result.outcome.error, &result.outcome.output, &result.outcome.log_tail}) {
    *text = reader.string();
  }
  if (!reader.empty()) get_asked_for(reader, result.outcome);
  return result;
}

char* FrameReader::room(std::size_t least) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() > kept_room) std::vector<char>().swap(buffer_);
  }
  if (buffer_.size() - end_ < least && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < least) buffer_.resize(end_ + least);
  return buffer_.data() + end_;
}

std::optional<Frame> FrameReader::next() {
  const std::size_t have = end_ - begin_;
  std::uint32_t length = 0;
  if (have < sizeof length) return std::nullopt;
  std::memcpy(&length, buffer_.data() + begin_, sizeof length);
  if (length == 0 || length > longest_)
    throw Malformed("a frame of impossible length (" + std::to_string(length) + " bytes)");
  if (have < sizeof length + length) return std::nullopt;
  const char* kind = buffer_.data() + begin_ + sizeof length;
  begin_ += sizeof length + length;
  return Frame{static_cast<Kind>(static_cast<std::uint8_t>(*kind)), {kind + 1, length - 1}};
}

}  // namespace sluice::wire
