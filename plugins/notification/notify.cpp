#include "notify.hpp"

#include <string_view>

#include "notice.hpp"

namespace notification {

namespace {

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

}  // namespace

Notify::Notify(const sluice::Config& config)
    : table_(quoted_table(config.string_or("table", "sluice.notification"))),
      channel_(config.string_or("channel", "sluice_notification")),
      endpoints_(read_endpoints(config)) {
  if (channel_.empty() || channel_.size() > 63) {
    throw sluice::PermanentError("configuration /channel: expected a name of 1 to 63 bytes, found " +
                                 std::to_string(channel_.size()));
  }
}

sluice::Result Notify::run(sluice::Job& job) const {
  // The operator can fix this, so the job is retried.
  if (job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) == nullptr) {
    return sluice::retry("no-effects",
                         "this plugin has no database role to store the notification; set role under "
                         "[plugin.notification] and run sluice init");
  }
  const Notice notice = notice_of_send(job);
  store(notice, job);
  job.execute("SELECT pg_notify($1, $2)", {channel_, to_json(notice, longest_notify)});
  // Separate jobs: a receiver's failure neither delays nor repeats the row or other receivers' webhooks.
  for (const auto& [name, endpoint] : endpoints_) {
    if (!endpoint.wants(notice.type, notice.user_id)) continue;
    job.execute("SELECT sluice.owe_webhook($1, $2::jsonb)", {name, to_json(notice)});
  }
  return sluice::done();
}

// Columns without a value are omitted, so the application's own table needs them only if its notifications
// have them.
void Notify::store(const Notice& notice, const sluice::Job& job) const {
  const std::string none;
  std::string columns = " (job_id, user_id, type, message";
  std::string values = ") VALUES ($1, $2, $3, $4";
  const auto add = [&](bool there, const char* column, const char* value) {
    if (!there) return;
    columns += std::string(", ") + column;
    values += std::string(", ") + value;
  };
  add(notice.title.has_value(), "title", "$5");
  add(notice.link.has_value(), "link", "$6");
  add(notice.data.has_value(), "data", "$7::jsonb");
  const std::string& title = notice.title ? *notice.title : none;
  const std::string& link = notice.link ? *notice.link : none;
  const std::string& data = notice.data ? *notice.data : none;
  job.execute("INSERT INTO " + table_ + columns + values + ")",
              {notice.job_id, notice.user_id, notice.type, notice.message, title, link, data});
}

}  // namespace notification
