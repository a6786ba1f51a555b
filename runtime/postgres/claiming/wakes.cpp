#include "postgres/claiming/wakes.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "postgres/link/exec.hpp"
#include "postgres/schema/wake_trigger.hpp"

namespace sluice::postgres {

std::string PgWakes::on_open(bool listens) {
  return listens ? "LISTEN " + std::string(wake_channel) : std::string();
}

PgWakes::PgWakes(PgSession& session, const TableName& table, bool listens)
    : session_(session),
      trigger_query_(working_wake_trigger_query(table)),
      listens_(listens),
      interrupted_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!interrupted_.open()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

bool PgWakes::want(RuntimeId runtime, bool wanted) {
  if (!listens_) return false;
  return session_.link().use("update the request to be woken", [&](pqxx::connection& connection) {
    if (!hears()) return false;
    try {
      pqxx::work work(connection);
      work.exec("SET LOCAL lock_timeout = '1s'");
      exec(work, "UPDATE sluice.runtime SET wake = $2::bool WHERE id = $1::bigint", std::to_string(runtime),
           wanted ? "true" : "false");
      work.exec("SELECT sluice.set_wake()");
      const bool announced = work.exec(trigger_query_)[0][0].as<bool>();
      work.commit();
      return announced;
    } catch (const pqxx::sql_error& error) {
      if (!gave_up_waiting(error)) throw;
      throw HeldUp("could not update the request to be woken: " + server_message(error.what()));
    }
  });
}

/// A lost connection brings nothing.
std::int64_t PgWakes::wait(base::Clock::time_point end) {
  if (!session_.link().connected() || !hears()) {
    await(-1, end);
    return 0;
  }
  return session_.link().use(
      "listen for new jobs",
      [&](pqxx::connection& connection) -> std::int64_t {
        // Notifications may have come with the answer to a statement.
        if (const int heard = connection.get_notifs(); heard > 0) return heard;
        return await(connection.sock(), end) ? connection.get_notifs() : 0;
      },
      unbounded);
}

/// True if something arrived on the socket.
bool PgWakes::await(int socket, base::Clock::time_point end) const {
  using std::chrono::nanoseconds;
  const auto left = std::max(nanoseconds(0), nanoseconds(end - base::Clock::now()));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec timeout{static_cast<time_t>(seconds.count()), static_cast<long>((left - seconds).count())};
  std::array<pollfd, 2> ready{{{socket, POLLIN, 0}, {interrupted_.get(), POLLIN, 0}}};
  if (ppoll(ready.data(), ready.size(), &timeout, nullptr) <= 0) return false;
  std::uint64_t times = 0;
  if (ready[1].revents != 0) [[maybe_unused]]
    const auto taken = read(interrupted_.get(), &times, sizeof times);
  return ready[0].revents != 0;
}

void PgWakes::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(interrupted_.get(), &one, sizeof one);
}

}  // namespace sluice::postgres
