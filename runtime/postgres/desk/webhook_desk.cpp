#include "postgres/desk/webhook_desk.hpp"
#include "base/text.hpp"
#include "postgres/link/connection_string.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/link.hpp"
#include "postgres/link/text.hpp"

namespace sluice::postgres {

namespace {

class PgWebhookDesk : public WebhookDesk {
 public:
  explicit PgWebhookDesk(const ConnectionString& target) : link_(target) {}

  std::vector<DisabledWebhook> disabled() override {
    return link_.ask("read the disabled webhooks", [](pqxx::transaction_base& session) {
      std::vector<DisabledWebhook> all;
      for (const auto& row : session.exec(
               "SELECT name, to_char(disabled_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), "
               "extract(epoch FROM clock_timestamp() - disabled_at)::float8, reason, job_id "
               "FROM sluice.webhook_endpoint WHERE disabled_at IS NOT NULL ORDER BY name")) {
        all.push_back({text_of(row[0]),
                       {text_of(row[1]), parse_double(text_of(row[2]))},
                       text_of(row[3]),
                       text_of(row[4])});
      }
      return all;
    });
  }

  bool revive(const std::string& name) override {
    return link_.ask("revive a webhook", [&](pqxx::transaction_base& session) {
      return exec(session, "SELECT sluice.revive_webhook($1)", base::valid_utf8(name))[0][0].as<bool>();
    });
  }

 private:
  Link link_;
};

}  // namespace

std::unique_ptr<WebhookDesk> open_webhook_desk(const PostgresOptions& options) {
  return std::make_unique<PgWebhookDesk>(connection_string_of(options.url, options.url_file));
}

}  // namespace sluice::postgres
