// The plugin: data.sync.
#include <curl/curl.h>

#include <map>
#include <sluice/plugin.hpp>

#include "api_source.hpp"
#include "json.hpp"
#include "order.hpp"
#include "schemas.hpp"
#include "target.hpp"
#include "trouble.hpp"

using namespace std::chrono_literals;

namespace data_sync {

namespace {

/// libcurl's global state, for as long as the plugin is loaded.
class CurlLibrary {
 public:
  CurlLibrary() {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw std::runtime_error("libcurl does not start");
  }
  ~CurlLibrary() { curl_global_cleanup(); }
  CurlLibrary(const CurlLibrary&) = delete;
  CurlLibrary& operator=(const CurlLibrary&) = delete;
};

/// `found` of a map by name; what is missing is the payload's error.
template <class Map>
const typename Map::mapped_type& named(const Map& map, const std::string& name, const std::string& key) {
  if (const auto found = map.find(name); found != map.end()) return found->second;
  std::string known;
  for (const auto& [other, value] : map) known += (known.empty() ? "" : ", ") + other;
  throw sluice::PermanentError("unknown-" + key, "payload /" + key + ": no " + key + " '" + name +
                                                     "' is configured; there are: " + known);
}

Scope scope_of(const Order& order) {
  Scope scope{order.source, order.target, {}};
  if (order.parameters.empty()) return scope;
  rapidjson::Document parameters(rapidjson::kObjectType);
  auto& allocator = parameters.GetAllocator();
  for (const auto& [name, value] : order.parameters) {
    parameters.AddMember(rapidjson::Value(name.c_str(), allocator),
                         rapidjson::Value(value.c_str(), allocator), allocator);
  }
  scope.parameters = to_text(parameters);
  return scope;
}

Question question_of(const Order& order, const std::optional<State>& state) {
  Question question{order.parameters, {}, {}};
  if (order.cursor) {
    question.cursor = to_text(*order.cursor);
  } else if (state && !order.full) {
    question.cursor = state->cursor;
    question.etag = state->etag;
  }
  return question;
}

class SyncData {
 public:
  explicit SyncData(const sluice::Config& config) : config_(read_config(config)) {}

  /// Connections, kept from job to job; made when they are first needed.
  struct Slot {
    std::map<std::string, HttpClient> sources;
    std::map<std::string, std::unique_ptr<Target>> targets;
  };

  sluice::Result run(sluice::Job& job, Slot& slot) const {
    try {
      sync(job, slot);
      return sluice::done();
    } catch (const Cancelled&) {
      return sluice::cancelled();
    } catch (const Trouble& trouble) {
      sluice::Result result = sluice::retry(trouble.code(), trouble.what());
      if (trouble.delay()) result.after(*trouble.delay());
      return result;
    }
  }

 private:
  void sync(sluice::Job& job, Slot& slot) const {
    const Order order = read_order(job);
    Target& target = target_of(slot, order.target);
    target.check(job);
    const Scope scope = scope_of(order);
    std::optional<State> state;
    if (!order.is_inline) state = target.recall(scope, job);
    Rows rows;
    const Question question = question_of(order, state);
    const Answer answer = order.is_inline ? take(order.records, target, rows)
                                          : ask_source(order, question, target, rows, job, slot);
    if (state) {
      if (!answer.cursor.empty()) state->cursor = answer.cursor;
      state->etag = answer.etag;
    }
    const Counts counts = answer.not_modified ? Counts{} : target.write(rows, scope, state, job);
    put_output(job, order, answer, answer.cursor.empty() ? question.cursor : answer.cursor, rows.size(),
               counts);
  }

  Target& target_of(Slot& slot, const std::string& name) const {
    const TargetConfig& config = named(config_.targets, name, "target");
    auto& target = slot.targets[name];
    if (!target) target = make_target(config);
    return *target;
  }

  static Answer take(const rapidjson::Value& records, const Target& target, Rows& rows) {
    for (rapidjson::SizeType i = 0; i < records.Size(); ++i) {
      rows.push_back(target.row(records[i], "record " + std::to_string(i) + " of the payload's data"));
    }
    return {};
  }

  Answer ask_source(const Order& order, const Question& question, const Target& target, Rows& rows,
                    const sluice::Job& job, Slot& slot) const {
    const ApiSource& source = named(config_.sources, order.source, "source");
    HttpClient& client = slot.sources.try_emplace(order.source, source.endpoint).first->second;
    return ask(client, source, question, job, [&](const rapidjson::Value& record, const std::string& place) {
      rows.push_back(target.row(record, place));
    });
  }

  static void put_output(sluice::Job& job, const Order& order, const Answer& answer,
                         const std::string& next_cursor, std::size_t records, const Counts& counts) {
    rapidjson::Document output(rapidjson::kObjectType);
    auto& allocator = output.GetAllocator();
    output.AddMember("records", static_cast<std::uint64_t>(records), allocator);
    if (!order.is_inline) {
      output.AddMember("pages", static_cast<std::uint64_t>(answer.pages), allocator);
      output.AddMember("notModified", answer.not_modified, allocator);
    }
    for (const auto& [name, count] : counts) {
      rapidjson::Value value(static_cast<std::uint64_t>(count));
      output.AddMember(rapidjson::Value(name.c_str(), allocator), value, allocator);
    }
    if (!next_cursor.empty()) {
      rapidjson::Value cursor;
      cursor.CopyFrom(parse_json(next_cursor), allocator);
      output.AddMember("cursor", cursor, allocator);
    }
    const std::string text = to_text(output);
    job.output(text);
    job.log().info("synced",
                   {{"source", order.source}, {"target", order.target}, sluice::Field::json("result", text)});
  }

  const CurlLibrary curl_;
  const Config config_;
};

}  // namespace

}  // namespace data_sync

SLUICE_PLUGIN(sluice::plugin("sync", "1.0.0")
                  .summary("Copies records from APIs and payloads into tables and to APIs")
                  .license("Apache-2.0")
                  .config_schema(data_sync::config_schema),
              sluice::job_type<data_sync::SyncData>("data.sync")
                  .summary("Brings records from a source to a target")
                  .schema(data_sync::payload_schema)
                  .example(data_sync::payload_example)
                  .timeout(15min)
                  .max_attempts(12)
                  .backoff(30s, 1h));
