#include "team.h"

#include <xmmintrin.h>

#include <cstdlib>

namespace kdx {

namespace {

int configuredThreads() {
  const char* text = std::getenv("TF_NUM_INTRAOP_THREADS");
  const int threads = text == nullptr ? 0 : std::atoi(text);
  return threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

Team& Team::instance() {
  // Never destroyed: at exit TensorFlow's own threads may still be in an operation.
  static Team* team = new Team(configuredThreads());
  return *team;
}

Team::Team(int threads) {
  for (int index = 1; index < threads; ++index) std::thread([this] { serve(); }).detach();
}

void Team::run(const std::function<void()>& job) {
  bool isAnyAsleep = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    job_ = &job;
    control_ = _mm_getcsr();
    number_.fetch_add(1, std::memory_order_release);
    isAnyAsleep = asleep_ > 0;
  }
  if (isAnyAsleep) wake_.notify_all();
  job();
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = nullptr;
  left_.wait(lock, [this] { return inside_ == 0; });
}

void Team::lookForJob(uint64_t last) const {
  constexpr int kGlances = 64;
  const auto end = Clock::now() + kPatience;
  while (number_.load(std::memory_order_acquire) == last && Clock::now() < end) {
    for (int glance = 0; glance < kGlances; ++glance) _mm_pause();
    std::this_thread::yield();
  }
}

void Team::serve() {
  uint64_t last = 0;
  while (true) {
    lookForJob(last);
    std::unique_lock<std::mutex> lock(mutex_);
    ++asleep_;
    wake_.wait(lock, [&] { return number_.load() != last; });
    --asleep_;
    last = number_.load();
    // Over before this thread came.
    if (job_ == nullptr) continue;
    const std::function<void()>& job = *job_;
    ++inside_;
    _mm_setcsr(control_);
    lock.unlock();
    job();
    lock.lock();
    if (--inside_ == 0) left_.notify_one();
  }
}

}  // namespace kdx
