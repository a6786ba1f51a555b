// notification.send: stores a notification for a user and tells those who listen.
//
// Both are effects: they are committed in the transaction that marks the job done, so a user gets each
// notification once, and who listens hears of it when the row can be read.
#include <sluice/plugin.hpp>

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr std::size_t longest_notify = 7999;  // bytes, the most that PostgreSQL's NOTIFY carries

std::string quoted_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// "schema.table", case as written, quoted. Throws PermanentError.
std::string quoted_table(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == name.size() ||
      name.find('\0') != std::string::npos) {
    throw sluice::PermanentError("configuration /table: found '" + name +
                                 "', expected schema.table, for example sluice.notification");
  }
  return quoted_identifier(name.substr(0, dot)) + "." + quoted_identifier(name.substr(dot + 1));
}

void put(Writer& writer, const char* key, std::string_view value) {
  writer.Key(key);
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

class Notify {
 public:
  explicit Notify(const sluice::Config& config)
      : insert_("INSERT INTO " + quoted_table(config.string_or("table", "sluice.notification")) +
                " (job_id, user_id, type, message) VALUES ($1, $2, $3, $4)"),
        channel_(config.string_or("channel", "sluice_notification")) {
    if (channel_.empty() || channel_.size() > 63) {
      throw sluice::PermanentError("configuration /channel: expected a name of 1 to 63 bytes, found " +
                                   std::to_string(channel_.size()));
    }
  }

  sluice::Result run(sluice::Job& job) const {
    // The operator can mend this, so the job waits for its next attempt rather than end.
    if (job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) == nullptr) {
      return sluice::retry("no-effects",
                           "no database role is granted to this plugin, under which it could store the "
                           "notification; set role under [plugin.notification] and run sluice init");
    }
    const auto user = job.payload().string("userId");
    const auto type = job.payload().string("type");
    const auto message = job.payload().string("message");
    for (const std::string* text : {&user, &type, &message}) {
      if (text->find('\0') != std::string::npos) {
        return sluice::fail("nul-character",
                            "the payload holds a NUL character, which PostgreSQL's text can't");
      }
    }
    job.execute(insert_, {job.id(), user, type, message});
    job.execute("SELECT pg_notify($1, $2)", {channel_, announcement(job.id(), user, type, message)});
    return sluice::done();
  }

 private:
  /// What listeners hear, as JSON; without the message where that would not fit.
  static std::string announcement(std::string_view job, std::string_view user, std::string_view type,
                                  std::string_view message) {
    const std::string whole = json(job, user, type, &message);
    return whole.size() <= longest_notify ? whole : json(job, user, type, nullptr);
  }

  static std::string json(std::string_view job, std::string_view user, std::string_view type,
                          const std::string_view* message) {
    rapidjson::StringBuffer buffer;
    Writer writer(buffer);
    writer.StartObject();
    put(writer, "jobId", job);
    put(writer, "userId", user);
    put(writer, "type", type);
    if (message != nullptr) put(writer, "message", *message);
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
  }

  const std::string insert_;
  const std::string channel_;
};

constexpr auto config_schema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "table": {"type": "string", "description": "schema.table with the columns of sluice.notification"},
    "channel": {"type": "string", "description": "the channel of NOTIFY"}
  }
})";

constexpr auto payload_schema = R"({
  "type": "object",
  "required": ["userId", "type", "message"],
  "properties": {
    "userId": {"type": "string", "minLength": 1, "maxLength": 1000},
    "type": {"type": "string", "minLength": 1, "maxLength": 1000},
    "message": {"type": "string"}
  }
})";

}  // namespace

SLUICE_PLUGIN(sluice::plugin("notification", "1.0.0")
                  .summary("Stores notifications for users and announces them with NOTIFY")
                  .license("Apache-2.0")
                  .config_schema(config_schema),
              sluice::job_type<Notify>("notification.send")
                  .summary("Stores a notification for a user and announces it")
                  .schema(payload_schema)
                  .example(R"({"userId": "user-123", "type": "proposal_approved",)"
                           R"( "message": "Your proposal has been approved"})"));
