#include "fleet/reload_inbox.hpp"

#include <map>
#include <utility>

#include "fibers/scheduler.hpp"

namespace sluice::fleet {

namespace {

std::map<const sim::Process*, ReloadInbox*>& inboxes() {
  static std::map<const sim::Process*, ReloadInbox*> all;
  return all;
}

}  // namespace

ReloadInbox::ReloadInbox(boost::asio::io_context& loop, std::function<void(const ReloadRequest&)> take)
    : loop_(loop), take_(std::move(take)) {
  inboxes()[&sim::sched().current_process()] = this;
}

void ReloadInbox::close() {
  std::erase_if(inboxes(), [this](const auto& one) { return one.second == this; });
}

void ReloadInbox::deliver(const ReloadRequest& request) {
  // As the kernel and the pipe do, which hold no more than the packed value.
  const auto value = packed(request);
  loop_.post([take = take_, value] {
    if (const auto arrived = unpacked(value)) take(*arrived);
  });
}

}  // namespace sluice::fleet

namespace sluice::sim {

void send_reload_request(const Process& runtime, const fleet::ReloadRequest& request) {
  const auto inbox = fleet::inboxes().find(&runtime);
  if (inbox != fleet::inboxes().end()) inbox->second->deliver(request);
}

}  // namespace sluice::sim
