#include <poll.h>

#include <algorithm>

#include "base/threads.hpp"
#include "postgres/desk/reload_desk.hpp"
#include "postgres/desk/report.hpp"
#include "postgres/link/connection_string.hpp"
#include "postgres/link/exec.hpp"
#include "postgres/link/link.hpp"
#include "postgres/statements.hpp"

namespace sluice::postgres {

namespace {

using Clock = base::Clock;

constexpr std::chrono::milliseconds look_again{200};

class PgReloadDesk : public ReloadDesk {
 public:
  explicit PgReloadDesk(const ConnectionString& target) : target_(target), link_(target) {}

  std::vector<RuntimeReport> runtimes() override {
    return link_.ask("read the runtimes",
                     [](pqxx::transaction_base& session) { return read_runtimes(session); });
  }

  bool hears() const override { return !goes_through_pool(target_); }

  bool hear(const std::function<void()>& ready, const std::function<bool(const std::string&)>& take,
            std::chrono::milliseconds timeout, const std::function<bool()>& gives_up) override {
    return link_.use(
        "listen for announcements",
        [&](pqxx::connection& connection) {
          Listener listener(connection, announcement_channel);
          ready();
          const auto end = Clock::now() + timeout;
          for (;;) {
            connection.get_notifs();
            for (const std::string& text : listener.heard()) {
              if (take(text)) return true;
            }
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
            if (left.count() <= 0 || (gives_up && gives_up())) return false;
            pollfd readable{connection.sock(), POLLIN, 0};
            poll(&readable, 1, static_cast<int>(std::min(left, look_again).count()));
          }
        },
        usual_bound + timeout);
  }

 private:
  const ConnectionString target_;
  Link link_;
};

}  // namespace

std::unique_ptr<ReloadDesk> open_reload_desk(const PostgresOptions& options) {
  return std::make_unique<PgReloadDesk>(listening_target(options.direct_url, options.url, options.url_file));
}

}  // namespace sluice::postgres
