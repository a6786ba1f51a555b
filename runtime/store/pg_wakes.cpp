#include "store/pg_wakes.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

#include "store/pg_exec.hpp"
#include "store/wake_trigger.hpp"

namespace sluice::store {

PgWakes::PgWakes(const ConnectionString& target, const TableName& table)
    : trigger_query_(working_wake_trigger_query(table)),
      interrupted_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      link_(target, [this](pqxx::connection& connection) {
        if (!link_.pooled())
          pqxx::nontransaction(connection)
              .exec("SET lock_timeout = '1s'; LISTEN " + std::string(wake_channel));
      }) {
  if (!interrupted_.open()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

bool PgWakes::want(RuntimeId runtime, bool wanted) {
  return link_.use("say whether to be woken", [&](pqxx::connection& connection) {
    try {
      pqxx::work work(connection);
      exec(work, "UPDATE sluice.runtime SET wake = $2::bool WHERE id = $1::bigint", std::to_string(runtime),
           wanted ? "true" : "false");
      work.exec("SELECT sluice.set_wake()");
      const bool announced = work.exec(trigger_query_)[0][0].as<bool>();
      work.commit();
      return announced;
    } catch (const pqxx::sql_error& error) {
      if (!gave_up_waiting(error)) throw;
      throw HeldUp("could not say whether to be woken: " + server_message(error.what()));
    }
  });
}

std::int64_t PgWakes::wait(std::chrono::milliseconds timeout) {
  return link_.use("listen for new jobs", [&](pqxx::connection& connection) -> std::int64_t {
    // Some may have come with the answer to a statement.
    if (const int heard = connection.get_notifs(); heard > 0) return heard;
    std::array<pollfd, 2> ready{{{connection.sock(), POLLIN, 0}, {interrupted_.get(), POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), static_cast<int>(timeout.count())) <= 0) return 0;
    return ready[0].revents != 0 ? connection.get_notifs() : 0;
  });
}

void PgWakes::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(interrupted_.get(), &one, sizeof one);
}

}  // namespace sluice::store
