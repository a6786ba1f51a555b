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

/// What listeners hear; without the message where that would not fit.
std::string announcement(const Notice& notice) {
  std::string whole = to_json(notice);
  return whole.size() <= longest_notify ? whole : to_json(notice, false);
}

}  // namespace

Notify::Notify(const sluice::Config& config)
    : insert_("INSERT INTO " + quoted_table(config.string_or("table", "sluice.notification")) +
              " (job_id, user_id, type, message) VALUES ($1, $2, $3, $4)"),
      channel_(config.string_or("channel", "sluice_notification")),
      has_webhook_(config.find("webhook").has_value()) {
  if (channel_.empty() || channel_.size() > 63) {
    throw sluice::PermanentError("configuration /channel: expected a name of 1 to 63 bytes, found " +
                                 std::to_string(channel_.size()));
  }
}

sluice::Result Notify::run(sluice::Job& job) const {
  // The operator can mend this, so the job waits for its next attempt rather than end.
  if (job.extension<sluice_effects>(SLUICE_EXTENSION_EFFECTS) == nullptr) {
    return sluice::retry("no-effects",
                         "no database role is granted to this plugin, under which it could store the "
                         "notification; set role under [plugin.notification] and run sluice init");
  }
  const Notice notice = notice_of_send(job.payload(), job.id());
  for (const std::string* text : {&notice.user_id, &notice.type, &notice.message}) {
    if (text->find('\0') != std::string::npos) {
      return sluice::fail("nul-character",
                          "the payload holds a NUL character, which PostgreSQL's text can't");
    }
  }
  job.execute(insert_, {notice.job_id, notice.user_id, notice.type, notice.message});
  job.execute("SELECT pg_notify($1, $2)", {channel_, announcement(notice)});
  // A job of its own: the receiver's trouble neither holds up the row nor repeats it.
  if (has_webhook_) job.enqueue({"notification.webhook", to_json(notice)});
  return sluice::done();
}

}  // namespace notification
