/** Threads that work on one operation after another, together with the thread that asks them to. */
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace kdx {

/**
 * Tasks that whoever comes takes one by one. It is over when every task is done, not when every
 * thread has been here: one that wakes late holds nobody up.
 */
class Phase {
 public:
  explicit Phase(int64_t tasks) : tasks_(tasks) {}

  /** Does tasks until none is left, then waits for those of others. */
  template <typename Task>
  void run(const Task& task) {
    for (int64_t index = next_++; index < tasks_; index = next_++) {
      task(index);
      done_.fetch_add(1, std::memory_order_release);
    }
    for (int spins = 0; done_.load(std::memory_order_acquire) < tasks_; ++spins) {
      if (spins > kPatience) std::this_thread::yield();
    }
  }

 private:
  static constexpr int kPatience = 1000;
  const int64_t tasks_;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> done_{0};
};

/** One operation at a time has the whole team; another that comes meanwhile waits. */
class Team {
 public:
  /** The process's team: as many threads as TensorFlow was told to use within an operation. */
  static Team& instance();


  /** To hold during `run`, and while memory that operations share is in use. */
  std::mutex& turn() { return turn_; }

  /**
   * Runs `job` on the calling thread and on whichever others wake up in time, all with the caller's
   * rounding and treatment of denormal numbers: TensorFlow's threads flush these to zero.
   */
  void run(const std::function<void()>& job);

 private:
  /** Never destroyed: its threads serve as long as the process lives. */
  explicit Team(int threads);
  void serve();
  /** Waits a while, awake, for the job after `last`: operations follow each other closely. */
  void lookForJob(uint64_t last) const;

  using Clock = std::chrono::steady_clock;
  /** More than what lies between two operations of a step, and than waking a thread takes. */
  static constexpr std::chrono::microseconds kPatience{100};

  std::mutex turn_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable left_;
  const std::function<void()>* job_ = nullptr;
  unsigned control_ = 0;
  std::atomic<uint64_t> number_{0};
  int inside_ = 0;
  int asleep_ = 0;
};

}  // namespace kdx
