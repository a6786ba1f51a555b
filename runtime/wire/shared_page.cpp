#include "wire/shared_page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace sluice::wire {

namespace {

constexpr std::uint32_t page_magic = 0x534C5543;
constexpr std::size_t slots_at = sizeof(PageHeader);
constexpr std::size_t tickets_at = slots_at + SharedPage::slot_count * sizeof(SlotState);
constexpr std::size_t cells_at = tickets_at + SharedPage::ticket_count * sizeof(Ticket);
constexpr std::size_t stacks_at = cells_at + SharedPage::slot_count * sizeof(ProgressCell);
constexpr std::size_t page_size = stacks_at + (SharedPage::slot_count + 1) * sizeof(StackCell);
static_assert(cells_at % alignof(ProgressCell) == 0 && stacks_at % alignof(StackCell) == 0);

void* map(int fd) {
  void* memory = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mapping the page shared with a plugin host");
  }
  return memory;
}

}  // namespace

SharedPage SharedPage::create() {
  base::Descriptor fd(memfd_create("sluice-host", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const bool made = fd.open() && ftruncate(fd.get(), page_size) == 0 &&
                    fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
  if (!made) {
    throw std::system_error(errno, std::generic_category(), "making the page shared with a plugin host");
  }
  const int number = fd.get();
  SharedPage page(std::move(fd), map(number));
  page.header().magic = page_magic;
  page.header().slots = slot_count;
  page.header().tickets = ticket_count;
  page.header().crashed_slot = PageHeader::no_slot;
  for (std::uint32_t i = 0; i < slot_count; ++i) page.slot(i).ticket = SlotState::idle;
  return page;
}

SharedPage SharedPage::open(base::Descriptor fd) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || static_cast<std::size_t>(info.st_size) != page_size) {
    throw std::runtime_error(
        "a plugin host is started by the runtime, not by hand: its shared page is missing");
  }
  const int number = fd.get();
  SharedPage page(std::move(fd), map(number));
  if (page.header().magic != page_magic)
    throw std::runtime_error("the shared page was made by a different version of sluice");
  return page;
}

SharedPage::SharedPage(SharedPage&& other) noexcept
    : fd_(std::move(other.fd_)), memory_(std::exchange(other.memory_, nullptr)) {}

SharedPage::~SharedPage() {
  if (memory_ != nullptr) munmap(memory_, page_size);
}

SlotState& SharedPage::slot(std::uint32_t index) const {
  return reinterpret_cast<SlotState*>(static_cast<char*>(memory_) + slots_at)[index];
}

Ticket& SharedPage::ticket(std::uint32_t index) const {
  return reinterpret_cast<Ticket*>(static_cast<char*>(memory_) + tickets_at)[index];
}

ProgressCell& SharedPage::progress(std::uint32_t slot) const {
  return reinterpret_cast<ProgressCell*>(static_cast<char*>(memory_) + cells_at)[slot];
}

StackCell& SharedPage::stack(std::uint32_t slot) const {
  return reinterpret_cast<StackCell*>(static_cast<char*>(memory_) + stacks_at)[slot];
}

}  // namespace sluice::wire
